package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// pruneEvents deletes the events that belong neither to an upload's outcome nor to a batch. Others go with these.
func (l *Ledger) pruneEvents(ctx context.Context, older time.Duration, limit int) (int, bool, error) {
	return l.prune(ctx, prunable{table: "events", began: "at", mayGo: eventMayGo, remove: (*tx).removeEvent}, older, limit)
}

func eventMayGo(_, cutoff int64) *db.Conditions {
	c := new(db.Conditions)
	c.Add("x.at <= ?", cutoff)
	c.Add("(x.upload IS NULL AND x.batch IS NULL OR x.type = 'media.renewed')")
	c.Add("NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = x.seq AND d.due_at IS NOT NULL)")
	return c
}

func (t *tx) removeEvent(seq int64, c *db.Conditions, _ int) (int, bool, error) {
	found, err := t.Row("SELECT x.seq FROM events x WHERE x.seq = ? AND "+c.Where()+t.Dialect.SkipLocked, append(db.Args{seq}, c.Args...), new(int64))
	if err != nil || !found {
		return 0, true, err
	}
	gone, err := t.removeEvents("seq = ?", seq)
	if err != nil || !gone {
		return 0, true, err
	}
	return 1, true, nil
}

// mediaPlace is the key of a row of media. The zero value comes before all rows.
type mediaPlace struct {
	realm, appid, kind string
	hash               []byte
}

func (m mediaPlace) args() db.Args {
	if m.hash == nil {
		m.hash = []byte{}
	}
	return db.Args{m.realm, m.appid, m.kind, m.hash}
}

const (
	mediaKey     = "realm = ? AND appid = ? AND type = ? AND hash = ?"
	mediaExpired = "holder IS NULL AND (expires_at IS NULL OR expires_at <= ?)"
)

// pruneMedia deletes media that have expired, unless their content is being uploaded again.
func (l *Ledger) pruneMedia(ctx context.Context, _ time.Duration, limit int) (int, bool, error) {
	expired, upTo, end, err := l.expiredMedia(ctx, limit)
	if err != nil {
		return 0, false, err
	}
	var n int64
	if len(expired) > 0 {
		err = l.do(ctx, "prune media", func(t *tx) error {
			n = 0
			for _, m := range expired {
				k, err := t.Exec("DELETE FROM media WHERE "+mediaKey+" AND "+mediaExpired, append(m.args(), t.Now)...)
				if err != nil {
					return err
				}
				n += k
			}
			return nil
		})
	}
	if err != nil {
		return 0, false, err
	}
	l.pruning.media = upTo
	return int(n), end, nil
}

func (l *Ledger) expiredMedia(ctx context.Context, limit int) (expired []mediaPlace, upTo mediaPlace, end bool, err error) {
	err = l.engine.Snapshot(ctx, "prune media", func(t *db.Tx) error {
		expired, upTo = nil, l.pruning.media
		rows, full := 0, false
		err := t.Each("SELECT realm, appid, type, hash, CASE WHEN "+mediaExpired+` THEN 1 ELSE 0 END FROM media
			WHERE (realm, appid, type, hash) > (?, ?, ?, ?) ORDER BY realm, appid, type, hash LIMIT ?`,
			append(append(db.Args{t.Now}, upTo.args()...), lookAhead), func(s db.Scanner) error {
				var m mediaPlace
				var gone bool
				if err := s.Scan(&m.realm, &m.appid, &m.kind, &m.hash, &gone); err != nil {
					return err
				}
				rows++
				if full = full || len(expired) == limit; full {
					return nil
				}
				if upTo = m; gone {
					expired = append(expired, m)
				}
				return nil
			})
		end = rows < lookAhead && !full
		return err
	})
	return expired, upTo, end, err
}

// requestsKept is the time for which an Idempotency-Key is kept at least. A client that does not know whether its request
// was accepted repeats it within a day.
const requestsKept = 24 * time.Hour

// pruneDays deletes the counts of past days and of old rounds, old Idempotency-Keys, the measured times of endpoints, sessions
// that ended, and old actions.
func (l *Ledger) pruneDays(ctx context.Context, older time.Duration, limit int) (int, bool, error) {
	var total int64
	err := l.do(ctx, "prune days", func(t *tx) error {
		total = 0
		cutoff := t.Now - older.Microseconds()
		for _, d := range []struct {
			query string
			args  db.Args
		}{
			{"DELETE FROM quota WHERE day < ?", db.Args{schema.DayOf(cutoff)}},
			{"DELETE FROM budgets WHERE day < ?", db.Args{schema.DayOf(cutoff)}},
			{"DELETE FROM sessions WHERE hash IN (SELECT hash FROM sessions WHERE ends_at <= ? LIMIT ?)", db.Args{t.Now, limit}},
			{"DELETE FROM actions WHERE id IN (SELECT id FROM actions WHERE ended_at <= ? ORDER BY ended_at LIMIT ?)", db.Args{cutoff, limit}},
			{
				"DELETE FROM requests WHERE (producer, name) IN (SELECT producer, name FROM requests WHERE at <= ? ORDER BY at LIMIT ?)",
				db.Args{t.Now - max(older, requestsKept).Microseconds(), limit},
			},
			{
				"DELETE FROM counts WHERE " + cellKey + " IN (SELECT at, account, type, what, code, errcode, process FROM counts WHERE at < ? AND n = gone ORDER BY at LIMIT ?)",
				db.Args{t.Now - max(older, hoursKept).Microseconds(), limit},
			},
		} {
			n, err := t.Exec(d.query, d.args...)
			if err != nil {
				return err
			}
			total += n
		}
		// An endpoint that is used again is measured again.
		_, err := t.Exec("DELETE FROM endpoints WHERE name IN (SELECT name FROM endpoints WHERE measured_at <= ? LIMIT ?)", cutoff, limit)
		return err
	})
	return int(total), total < int64(limit), err
}
