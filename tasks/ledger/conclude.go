package ledger

import (
	"database/sql"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// ending is how a round ends.
type ending struct {
	state  tasks.State
	cause  *tasks.Error
	result *tasks.Result // nil where no worker reported one
}

// conclude ends a round: outcome, event and the batch's count, all in this transaction. It is the only place where
// an upload becomes final. Whatever is not a success ends canceled where somebody asked for that.
func (t *tx) conclude(r *row, e ending) error {
	if r.cancel && e.state != tasks.Succeeded {
		e.state = tasks.Canceled
	}
	if e.state == tasks.Canceled && (e.cause == nil || e.cause.Code != tasks.Stopped) {
		e.cause = &tasks.Error{Code: tasks.Stopped}
	}
	if err := t.release(r); err != nil {
		return err
	}
	if err := t.end(r, e); err != nil {
		return err
	}
	t.events = append(t.events, event{kind: tasks.OutcomeEvent(e.state), upload: r.seq, round: r.round, url: r.callback, ofBatch: r.batch})
	if r.batch != 0 {
		y := t.tally(r.batch)
		y.open--
		y.count(e.state, 1)
	}
	return nil
}

func (t *tx) end(r *row, e ending) error {
	var (
		mediaID, size, fixed any
		sha256, original     any
		issued, expires      sql.NullInt64
		reused               bool
	)
	if res := e.result; res != nil {
		size = sizeOf(res.Size)
		sha256, original, fixed = hash(res.Key.Hash), hash(res.Original), db.TextOrNull(clean(res.Fixed))
		if e.state == tasks.Succeeded {
			mediaID, reused = db.TextOrNull(clean(res.Media.ID)), res.Reused
			issued = sql.NullInt64{Int64: db.Micros(res.Media.IssuedAt), Valid: !res.Media.IssuedAt.IsZero()}
			expires = sql.NullInt64{Int64: db.Micros(res.Media.ExpiresAt), Valid: !res.Media.ExpiresAt.IsZero()}
		}
	}
	c := cause{}
	if e.state != tasks.Succeeded {
		c = causeOf(e.cause)
	}
	_, err := t.Exec(`UPDATE uploads SET phase = ?, due_at = NULL, expires_by = NULL, twin_of = NULL, claim_token = ?, worker = NULL, alone = 0,
		attempts = ?,
		finished_at = ?, reused = ?, media_id = ?, issued_at = ?, expires_at = ?, sha256 = ?, original = ?, fixed = ?, size = ?,
		code = ?, errcode = ?, rid = ?, reason = ?, hint = ? WHERE seq = ?`,
		int(schema.PhaseOf(e.state)), r.token, r.attempts, t.Now, db.Flag(reused), mediaID, issued, expires, sha256, original, fixed, size,
		db.TextOrNull(string(c.code)), c.errcode, db.TextOrNull(c.rid), db.TextOrNull(c.reason), db.TextOrNull(c.hint), r.seq)
	return err
}

// hash is a hash as a column: null for the zero one.
func hash(h tasks.Hash) any {
	if h == (tasks.Hash{}) {
		return nil
	}
	return h[:]
}

func sizeOf(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}
