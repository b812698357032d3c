package ledger

import (
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// ending is how a round ends.
type ending struct {
	row    *row
	state  tasks.State
	cause  *tasks.Error
	result *tasks.Result // nil: no worker reported one
	kept   bool          // the upload has released its content already
}

// conclude ends rounds: outcome, event and counts, in this transaction. Only conclude makes an upload final. An upload that
// somebody asked to cancel ends canceled, unless it succeeded.
func (t *tx) conclude(es ...*ending) error {
	rows := make([]*row, len(es))
	for i, e := range es {
		rows[i] = e.row
		if e.row.cancel && e.state != tasks.Succeeded {
			e.state = tasks.Canceled
		}
		if e.state == tasks.Canceled && (e.cause == nil || e.cause.Code != tasks.Stopped) {
			e.cause = &tasks.Error{Code: tasks.Stopped}
		}
		if e.kept {
			continue
		}
		if err := t.release(e.row); err != nil {
			return err
		}
	}
	if err := t.endRuns(rows...); err != nil {
		return err
	}
	if err := t.writeOutcomes(es); err != nil {
		return err
	}
	for _, e := range es {
		if e.row.renews != 0 { // it is the ledger's own: nobody is told of it, and no count has it
			if err := t.renewalEnded(e); err != nil {
				return err
			}
			continue
		}
		if e.row.keep.Valid {
			if err := t.keepOutcome(e); err != nil {
				return err
			}
		}
		t.countEnded(e)
		t.events = append(t.events, event{kind: tasks.OutcomeEvent(e.state), upload: e.row.seq, round: e.row.round, url: e.row.callback, ofBatch: e.row.batch})
		if e.row.batch != 0 {
			y := t.tally(e.row.batch)
			y.open--
			y.count(e.state, 1)
		}
	}
	return nil
}

// The columns of an outcome, in the order of ending.values.
const outcomeNames = "phase, claim_token, attempts, reused, errcode, size, issued_at, expires_at, sha256, original, read_hash, media_id, fixed, code, rid, reason, hint, reason_values, identity"

const (
	outcomeRest = "due_at = NULL, expires_by = NULL, twin_of = NULL, slot_at = NULL"
	writeOne    = `UPDATE uploads SET phase = ?, claim_token = ?, attempts = ?, reused = ?, errcode = ?, size = ?, issued_at = ?, expires_at = ?, sha256 = ?,
		original = ?, read_hash = ?, media_id = ?, fixed = ?, code = ?, rid = ?, reason = ?, hint = ?, reason_values = ?, identity = ?, finished_at = ?, ` + outcomeRest + ` WHERE seq = ?`
	writeMany = `UPDATE uploads u SET (` + outcomeNames + `, finished_at) = (v.p, v.c, v.a, v.u, v.e, v.z, v.i, v.x, v.h, v.o, v.b, v.m, v.f, v.k, v.r, v.w, v.t, v.y, v.l, ?), ` + outcomeRest + `
		FROM unnest(?::smallint[], ?::bytea[], ?::bigint[], ?::smallint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bytea[], ?::bytea[],
		?::bytea[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[])
		AS v (p, c, a, u, e, z, i, x, h, o, b, m, f, k, r, w, t, y, l, s) WHERE u.seq = v.s`
)

// writeOutcomes writes the outcomes to their uploads. On PostgreSQL it takes one statement.
func (t *tx) writeOutcomes(es []*ending) error {
	if !t.Dialect.Concurrent {
		for _, e := range es {
			if _, err := t.Exec(writeOne, append(e.values(), t.Now, e.row.seq)...); err != nil {
				return err
			}
		}
		return nil
	}
	if len(es) == 0 {
		return nil
	}
	_, err := t.Exec(writeMany, append([]any{t.Now}, arrays(len(es), func(i int) []any { return append(es[i].values(), es[i].row.seq) })...)...)
	return err
}

// values returns the columns of outcomeNames.
func (e *ending) values() []any {
	var (
		mediaID, size, fixed   any
		sha256, original, read any
		issued, expires        any
		identity               any
		reused                 bool
	)
	if res := e.result; res != nil {
		size, identity = sizeOf(res.Size), db.TextOrNull(clean(res.Read.Identity))
		sha256, original, fixed = hashOrNull(res.Key.Hash), hashOrNull(res.Original), db.TextOrNull(clean(res.Fixed))
		if sha256 == nil && original == nil { // else one of them says it
			read = hashOrNull(res.Read.Hash)
		}
		if e.state == tasks.Succeeded {
			mediaID, reused = db.TextOrNull(clean(res.Media.ID)), res.Reused
			issued, expires = db.TimeOrNull(res.Media.IssuedAt), db.TimeOrNull(res.Media.ExpiresAt)
		}
	}
	c := cause{}
	if e.state != tasks.Succeeded {
		c = causeOf(e.cause)
	}
	return []any{
		int(schema.PhaseOf(e.state)), bytesOrNull(e.row.token), e.row.attempts, db.Flag(reused), c.errcode, size, issued, expires, sha256, original, read,
		mediaID, fixed, db.TextOrNull(string(c.code)), db.TextOrNull(c.rid), db.TextOrNull(c.reason), db.TextOrNull(c.hint), c.values, identity,
	}
}

// hashOrNull returns a hash as a column: null for the zero hash.
func hashOrNull(h tasks.Hash) any {
	if h == (tasks.Hash{}) {
		return nil
	}
	return h[:]
}

func bytesOrNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

func sizeOf(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}
