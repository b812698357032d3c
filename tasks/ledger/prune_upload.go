package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

const ofUpload = "upload = ? AND type <> 'media.renewed'"

func (l *Ledger) pruneUploads(ctx context.Context, older time.Duration, limit int) (int, bool, error) {
	return l.prune(ctx, prunable{table: "uploads", began: "submitted_at", mayGo: uploadMayGo, remove: (*tx).removeUpload}, older, limit)
}

func uploadMayGo(now, cutoff int64) *db.Conditions {
	c := new(db.Conditions)
	c.Add("x.phase >= 4 AND x.finished_at <= ?", cutoff)
	c.Add("(x.expires_at IS NULL OR x.expires_at <= ?)", now)
	c.Add("(x.keep_fresh_until IS NULL OR x.keep_fresh_until <= ?)", now)
	c.Add("(x.batch = 0 OR EXISTS (SELECT 1 FROM batches b WHERE b.seq = x.batch AND b.completed_at <= ?))", cutoff)
	c.Add(`NOT EXISTS (SELECT 1 FROM events e JOIN deliveries d ON d.event = e.seq
		WHERE e.upload = x.seq AND e.type <> 'media.renewed' AND d.due_at IS NOT NULL)`)
	return c
}

// removeUpload deletes an upload with everything that belongs to it, unless it changed since it was found.
func (t *tx) removeUpload(seq int64, c *db.Conditions, _ int) (int, bool, error) {
	var batch, submitted, renews int64
	var keep bool
	var account string
	var kind tasks.MediaType
	var last endedRound
	found, err := t.Row("SELECT x.batch, x.account, x.type, x.submitted_at, COALESCE(x.renews, 0), x.keep_fresh_until IS NOT NULL, "+roundColumns+" FROM uploads x WHERE x.seq = ? AND "+c.Where()+t.Dialect.SkipLocked,
		append(db.Args{seq}, c.Args...), append([]any{&batch, &account, &kind, &submitted, &renews, &keep}, last.dest()...)...)
	if err != nil || !found {
		return 0, true, err
	}
	if gone, err := t.removeEvents(ofUpload, seq); err != nil || !gone {
		return 0, true, err
	}
	rounds, err := t.removeRounds(seq)
	if err != nil {
		return 0, true, err
	}
	for _, q := range []string{
		"DELETE FROM attempts WHERE upload = ?",
		"DELETE FROM uploads WHERE seq = ?",
	} {
		if _, err := t.Exec(q, seq); err != nil {
			return 0, true, err
		}
	}
	if keep {
		if err := t.endKeepers("upload = ?", seq); err != nil {
			return 0, true, err
		}
	}
	if renews != 0 { // it was never counted
		return 1, true, nil
	}
	t.countPruned(account, kind, submitted, append(rounds, last))
	if batch != 0 {
		t.tally(batch).prune(last.phase.State())
	}
	return 1, true, nil
}

// roundColumns are the columns of a round's end that the counts need. They have the same names in uploads and rounds.
const roundColumns = "finished_at, phase, reused, COALESCE(code, ''), errcode"

func (r *endedRound) dest() []any { return []any{&r.at, &r.phase, &r.reused, &r.code, &r.errcode} }

// removeRounds deletes the earlier rounds of an upload, and returns them.
func (t *tx) removeRounds(upload int64) ([]endedRound, error) {
	var rs []endedRound
	err := t.Each("DELETE FROM rounds WHERE upload = ? RETURNING "+roundColumns, db.Args{upload}, func(s db.Scanner) error {
		rs = append(rs, endedRound{})
		return s.Scan(rs[len(rs)-1].dest()...)
	})
	return rs, err
}

// removeEvents deletes the events of one upload or batch with their deliveries. It deletes nothing and reports false
// where a delivery is on its way, as after a replay, or the newest event of all is among them.
func (t *tx) removeEvents(which string, seq int64) (bool, error) {
	newest, err := t.newestEvent()
	if err != nil {
		return false, err
	}
	var es []int64
	keep := false
	err = t.Each("SELECT seq FROM events WHERE "+which, db.Args{seq}, func(s db.Scanner) error {
		es = append(es, 0)
		err := s.Scan(&es[len(es)-1])
		keep = keep || es[len(es)-1] == newest
		return err
	})
	if err != nil || keep {
		return false, err
	}
	for _, e := range es {
		if pending, err := t.pendingDeliveries(e); err != nil || pending {
			return false, err
		}
	}
	for _, e := range es {
		if _, err := t.Exec("DELETE FROM deliveries WHERE event = ?", e); err != nil {
			return false, err
		}
		if _, err := t.Exec("DELETE FROM events WHERE seq = ?", e); err != nil {
			return false, err
		}
	}
	return true, nil
}

// pendingDeliveries locks the deliveries of an event and reports whether one of them is pending.
func (t *tx) pendingDeliveries(event int64) (bool, error) {
	pending := false
	err := t.Each("SELECT CASE WHEN due_at IS NULL THEN 0 ELSE 1 END FROM deliveries WHERE event = ? ORDER BY seq"+t.Dialect.ForUpdate, db.Args{event},
		func(s db.Scanner) error {
			var due bool
			err := s.Scan(&due)
			pending = pending || due
			return err
		})
	return pending, err
}
