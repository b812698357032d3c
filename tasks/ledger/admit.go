package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// twinSlack is how long after its leader's lease a twin looks again by itself.
const twinSlack = time.Second

// Admit asks whether a claimed upload may call WeChat, now that its content is known, and what it may reuse.
// After TwinAhead and DaySpent the claim is over: the upload waits. ErrFenced: somebody else has it.
func (l *Ledger) Admit(ctx context.Context, k tasks.Token, m tasks.MediaKey, o tasks.AdmitOptions) (tasks.Admission, error) {
	var a tasks.Admission
	err := l.work(ctx, "admit upload", k.Upload, func(t *tx) error {
		r, err := t.owned(k)
		if err != nil {
			return err
		}
		if r.phase != schema.Running {
			return tasks.ErrFenced
		}
		a, err = t.admit(r, m, o)
		return err
	})
	if errors.Is(err, tasks.ErrFenced) || (err == nil && (a.Verdict == tasks.TwinAhead || a.Verdict == tasks.DaySpent)) {
		l.writer.claims.end(k)
	}
	return a, err
}

func (t *tx) admit(r *row, m tasks.MediaKey, o tasks.AdmitOptions) (tasks.Admission, error) {
	for {
		known, err := t.media(m)
		if err != nil {
			return tasks.Admission{}, err
		}
		if !o.NoReuse && schema.LiveMedia(known.Media, t.Now, o.Fresh) {
			return tasks.Admission{Verdict: tasks.Reuse, Media: known.Media}, nil
		}
		if known.holder.Valid && known.holder.Int64 != r.seq {
			until, err := t.leader(known.holder.Int64)
			if err != nil {
				return tasks.Admission{}, err
			}
			if until != 0 {
				if o.NoReuse {
					break // it uploads beside the other, without a reservation of its own
				}
				return t.behind(r, known.holder.Int64, max(until, t.Now)+twinSlack.Microseconds())
			}
		}
		reserved, err := t.reserve(r, m, known.found)
		if err != nil {
			return tasks.Admission{}, err
		}
		if reserved {
			break
		}
	}
	ok, err := t.spend(tasks.Account{Realm: m.Realm, AppID: m.AppID, DailyLimit: o.DailyLimit, ResetZone: o.ResetZone})
	if err != nil || ok {
		return tasks.Admission{Verdict: tasks.Proceed}, err
	}
	return t.daySpent(r, m, o.ResetZone)
}

// knownMedia is the ledger's row of a content.
type knownMedia struct {
	tasks.Media
	found  bool
	holder sql.NullInt64
}

func (t *tx) media(k tasks.MediaKey) (m knownMedia, err error) {
	var id sql.NullString
	var issued, expires sql.NullInt64
	m.found, err = t.Row("SELECT media_id, issued_at, expires_at, holder FROM media WHERE realm = ? AND appid = ? AND type = ? AND hash = ?"+
		t.Dialect.ForUpdate, db.Args{k.Realm, k.AppID, string(k.Type), k.Hash[:]}, &id, &issued, &expires, &m.holder)
	m.Media = tasks.Media{ID: id.String, IssuedAt: db.TimeOrZero(issued), ExpiresAt: db.TimeOrZero(expires)}
	return m, err
}

// leader returns when the lease of a content's holder ends; 0 where it is no longer under way.
func (t *tx) leader(seq int64) (until int64, err error) {
	_, err = t.Row("SELECT due_at FROM uploads WHERE seq = ? AND phase = 2", db.Args{seq}, &until)
	return until, err
}

// reserve makes r the holder of a content. It reports false where somebody else was faster.
func (t *tx) reserve(r *row, k tasks.MediaKey, exists bool) (bool, error) {
	query := "INSERT INTO media (holder, realm, appid, type, hash) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
	if exists {
		query = "UPDATE media SET holder = ? WHERE realm = ? AND appid = ? AND type = ? AND hash = ?"
	}
	n, err := t.Exec(query, r.seq, k.Realm, k.AppID, string(k.Type), k.Hash[:])
	return n > 0, err
}

// behind puts r to wait for the upload that has the same content under way.
func (t *tx) behind(r *row, leader, until int64) (tasks.Admission, error) {
	var err error
	if r.cancel {
		err = t.yield(r)
	} else {
		err = t.postpone(r, until, &tasks.Error{Code: tasks.Twin}, leader)
	}
	return tasks.Admission{Verdict: tasks.TwinAhead, Until: db.Time(until)}, err
}

// daySpent holds the account until its next day and makes r ready again, which the hold then shows as waiting.
func (t *tx) daySpent(r *row, k tasks.MediaKey, zone *time.Location) (tasks.Admission, error) {
	until := tasks.DayEnd(db.Time(t.Now), zone)
	err := t.hold(tasks.Hold{Realm: k.Realm, AppID: k.AppID, Code: tasks.DailyLimit, Reason: tasks.DailyLimit.Meaning(), Until: until})
	if err == nil {
		err = t.yield(r)
	}
	return tasks.Admission{Verdict: tasks.DaySpent, Until: until}, err
}
