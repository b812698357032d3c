package ledger

import (
	"bytes"
	"database/sql"
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// row is what an operation needs to know of an upload to decide, read under its lock.
type row struct {
	seq        int64
	id         uuid.UUID
	phase      schema.Phase
	priority   tasks.Priority
	batch      int64
	round      int
	generation int
	attempts   int
	cancel     bool // requested
	lost       int  // leases of this round, not counting crashes
	alone      bool
	crashes    int
	due        sql.NullInt64
	token      []byte
	account    string
	callback   string
	mediaID    string
}

const rowColumns = `seq, id, phase, priority, batch, round, generation, attempts, cancel_requested, lost_leases, alone, crashes,
	due_at, claim_token, account, COALESCE(callback_url, ''), COALESCE(media_id, '')`

func (r *row) dest() []any {
	return []any{
		&r.seq, &r.id, &r.phase, &r.priority, &r.batch, &r.round, &r.generation, &r.attempts, &r.cancel, &r.lost, &r.alone, &r.crashes,
		&r.due, &r.token, &r.account, &r.callback, &r.mediaID,
	}
}

// find reads and locks an upload; nil where there is none.
func (t *tx) find(id uuid.UUID) (*row, error) {
	r := new(row)
	found, err := t.Row("SELECT "+rowColumns+" FROM uploads WHERE id = ?"+t.Dialect.ForUpdate, db.Args{id[:]}, r.dest()...)
	if err != nil || !found {
		return nil, err
	}
	return r, nil
}

// findAll reads and locks the uploads that a condition chooses, leaving out those that others have locked.
func (t *tx) findAll(where string, a ...any) ([]*row, error) {
	var rs []*row
	err := t.Each("SELECT "+rowColumns+" FROM uploads WHERE "+where+t.Dialect.SkipLocked, a, func(s db.Scanner) error {
		r := new(row)
		rs = append(rs, r)
		return s.Scan(r.dest()...)
	})
	return rs, err
}

// owned reads and locks the upload that k claimed. It returns ErrFenced where somebody else has claimed it since, or
// it is final. A lease that ran out is no reason: until the next claim the upload is still this one's to finish.
func (t *tx) owned(k tasks.Token) (*row, error) {
	r, err := t.find(k.Upload)
	if err != nil {
		return nil, err
	}
	if r == nil || !bytes.Equal(r.token, k.Claim[:]) || r.phase.Final() || r.phase == schema.Waiting {
		return nil, tasks.ErrFenced
	}
	return r, nil
}

// allowed asks the table of states. A late step of a claim that nobody has taken over counts as one from running.
func (r *row) allowed(step tasks.Step, late bool) error {
	from := r.phase.State()
	if late && slices.Contains(schema.Phases(tasks.Queued), r.phase) {
		from = tasks.Running
	}
	_, err := tasks.Next(from, step)
	return err
}

// release gives back the content that the upload was uploading, and lets its twins go on.
func (t *tx) release(r *row) error {
	if r.phase != schema.Running {
		return nil
	}
	gone, err := t.Exec("DELETE FROM media WHERE holder = ? AND media_id IS NULL", r.seq)
	if err != nil {
		return err
	}
	freed, err := t.Exec("UPDATE media SET holder = NULL WHERE holder = ?", r.seq)
	if gone+freed > 0 {
		t.wakes = append(t.wakes, r.seq)
	}
	return err
}

// requeue puts an upload back among the ready ones, with the token of its last claim, which is worthless only once the
// next claim is made. Whoever gave it back by himself has no token any more: see yield.
func (t *tx) requeue(r *row) error {
	if err := t.release(r); err != nil {
		return err
	}
	_, err := t.Exec(`UPDATE uploads SET phase = 0, due_at = NULL, claim_token = ?, worker = NULL, twin_of = NULL, alone = 0, code = NULL,
		errcode = 0, rid = NULL, reason = NULL, hint = NULL WHERE seq = ?`, r.token, r.seq)
	return err
}

// yield ends a claim without an outcome: the upload is ready again, or canceled where somebody asked for that.
func (t *tx) yield(r *row) error {
	r.token = nil
	if r.cancel {
		return t.conclude(r, ending{state: tasks.Canceled})
	}
	return t.requeue(r)
}

// postpone puts an upload to wait until then, for a reason that is shown meanwhile. Its claim is over.
func (t *tx) postpone(r *row, until int64, why *tasks.Error, twinOf any) error {
	if err := t.release(r); err != nil {
		return err
	}
	c := causeOf(why)
	_, err := t.Exec(`UPDATE uploads SET phase = 3, due_at = ?, claim_token = NULL, worker = NULL, alone = 0, twin_of = ?, attempts = ?,
		code = ?, errcode = ?, rid = ?, reason = ?, hint = ? WHERE seq = ?`,
		until, twinOf, r.attempts, db.TextOrNull(string(c.code)), c.errcode, db.TextOrNull(c.rid), db.TextOrNull(c.reason), db.TextOrNull(c.hint), r.seq)
	return err
}

// wakeTwins makes those ready that waited for an upload which is no longer under way.
func (t *tx) wakeTwins() error {
	slices.Sort(t.wakes)
	for _, leader := range t.wakes {
		_, err := t.Exec(`UPDATE uploads SET phase = 0, due_at = NULL, twin_of = NULL, code = NULL, reason = NULL, hint = NULL
			WHERE seq IN (SELECT seq FROM uploads WHERE twin_of = ? AND phase = 3 ORDER BY seq`+t.Dialect.ForUpdate+`)`, leader)
		if err != nil {
			return err
		}
	}
	return nil
}
