package ledger

import (
	"bytes"
	"cmp"
	"database/sql"
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// row has what an operation needs to know of an upload and of its run, read under their locks.
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
	crashes    int
	slot       sql.NullInt64 // the time that is reserved for its call
	token      []byte        // of the claim that has it, or had it last
	account    string
	kind       tasks.MediaType
	callback   string
	mediaID    string
	producer   string
	keep       sql.NullInt64 // until when its media is kept alive
	renews     int64         // the media that it keeps alive, of an upload of the ledger's own; 0: somebody asked for it

	lease sql.NullInt64 // when the claim's lease ends
	alone bool          // nothing runs beside it
}

const rowColumns = `u.seq, u.id, u.phase, u.priority, u.batch, u.round, u.generation, u.attempts, u.cancel_requested, u.lost_leases, u.crashes,
	u.slot_at, u.claim_token, u.account, u.type, COALESCE(u.callback_url, ''), COALESCE(u.media_id, ''),
	u.producer, u.keep_fresh_until, COALESCE(u.renews, 0)`

func (r *row) dest() []any {
	return []any{
		&r.seq, &r.id, &r.phase, &r.priority, &r.batch, &r.round, &r.generation, &r.attempts, &r.cancel, &r.lost, &r.crashes,
		&r.slot, &r.token, &r.account, &r.kind, &r.callback, &r.mediaID,
		&r.producer, &r.keep, &r.renews,
	}
}

// runColumns are null without a run.
const runColumns = "r.token, r.lease_until, r.alone"

// runRow has what an operation needs to know of a run.
type runRow struct {
	token []byte
	lease sql.NullInt64
	alone sql.NullBool
}

func (n *runRow) dest() []any { return []any{&n.token, &n.lease, &n.alone} }

// join adds the run. The claim of the run owns the upload: its token replaces that of an earlier claim.
func (r *row) join(n *runRow) {
	if n.token == nil {
		return
	}
	r.phase, r.token, r.lease, r.alone = schema.Running, n.token, n.lease, n.alone.Bool
}

// find reads and locks an upload with its run. It returns nil if the upload does not exist.
func (t *tx) find(id uuid.UUID) (*row, error) {
	rs, err := t.lock([]uuid.UUID{id})
	return rs[id], err
}

// lock reads and locks uploads with their runs, in the order of their rows. It leaves out uploads that don't exist.
func (t *tx) lock(ids []uuid.UUID) (map[uuid.UUID]*row, error) {
	rs := make(map[uuid.UUID]*row, len(ids))
	if t.Dialect.Concurrent {
		found, err := t.lockWhere("u.id = ANY(?) ORDER BY u.seq FOR UPDATE", keysOf(ids))
		for _, r := range found {
			rs[r.id] = r
		}
		return rs, err
	}
	for some := range slices.Chunk(ids, sqliteRows) {
		err := t.Each("SELECT "+rowColumns+", "+runColumns+" FROM uploads u LEFT JOIN runs r ON r.upload = u.seq WHERE u.id IN "+list(len(some)), idValues(some), func(s db.Scanner) error {
			r := new(row)
			var n runRow
			err := s.Scan(append(r.dest(), n.dest()...)...)
			r.join(&n)
			rs[r.id] = r
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return rs, nil
}

// findAll reads and locks the uploads for which a condition holds, with their runs. It leaves out those that others have
// locked. where names the uploads u.
func (t *tx) findAll(where string, a ...any) ([]*row, error) {
	return t.lockWhere(where+t.Dialect.SkipLocked, a...)
}

// lockWhere reads uploads first and then their runs: that is the order in which they are locked.
func (t *tx) lockWhere(where string, a ...any) ([]*row, error) {
	var rs []*row
	bySeq := map[int64]*row{}
	err := t.Each("SELECT "+rowColumns+" FROM uploads u WHERE "+where, a, func(s db.Scanner) error {
		r := new(row)
		rs = append(rs, r)
		err := s.Scan(r.dest()...)
		if r.phase == schema.Dispatched {
			bySeq[r.seq] = r
		}
		return err
	})
	if err != nil || len(bySeq) == 0 {
		return rs, err
	}
	return rs, t.eachOf("SELECT r.upload, "+runColumns+" FROM runs r WHERE r.upload", "ORDER BY r.upload"+t.Dialect.ForUpdate, seqsOf(bySeq), func(s db.Scanner) error {
		var seq int64
		var n runRow
		err := s.Scan(append([]any{&seq}, n.dest()...)...)
		if err == nil {
			bySeq[seq].join(&n)
		}
		return err
	})
}

// owned reads and locks the upload that k claimed. It returns ErrFenced if another worker has claimed it since, or if it is
// final. A lease that ran out does not matter: until the next claim, k may still finish the upload.
func (t *tx) owned(k tasks.Token) (*row, error) {
	r, err := t.find(k.Upload)
	if err != nil {
		return nil, err
	}
	if !r.ownedBy(k) || r.phase.Final() {
		return nil, tasks.ErrFenced
	}
	return r, nil
}

// ownedBy reports whether k is the last claim of r, and did not make it wait.
func (r *row) ownedBy(k tasks.Token) bool {
	return r != nil && bytes.Equal(r.token, k.Claim[:]) && r.phase != schema.Waiting
}

// allowed asks the table of states. A late step of a claim that was not taken over counts as a step from running.
func (r *row) allowed(step tasks.Step, late bool) error {
	from := r.phase.State()
	if late && slices.Contains(schema.Phases(tasks.Queued), r.phase) {
		from = tasks.Running
	}
	_, err := tasks.Next(from, step)
	return err
}

// release releases the content that the upload was uploading, and wakes its twins.
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

// endRuns deletes the runs of these uploads. The caller must change the phase of the uploads in the same transaction.
func (t *tx) endRuns(rs ...*row) error {
	var seqs []int64
	for _, r := range rs {
		if r.phase == schema.Running || r.phase == schema.Dispatched {
			seqs = append(seqs, r.seq)
		}
	}
	err := t.execOf("DELETE FROM runs WHERE upload", seqs)
	return err
}

// requeue makes an upload ready again. The token of its last claim stays valid until the next claim. A worker that handed
// the upload back has no token any more: see yield.
func (t *tx) requeue(r *row) error {
	t.wake |= tasks.WakeUploads
	if err := t.release(r); err != nil {
		return err
	}
	if err := t.endRuns(r); err != nil {
		return err
	}
	_, err := t.Exec(`UPDATE uploads SET phase = 0, due_at = NULL, claim_token = ?, twin_of = NULL, code = NULL,
		errcode = 0, rid = NULL, reason = NULL, hint = NULL, reason_values = NULL WHERE seq = ?`, r.token, r.seq)
	return err
}

// yield ends a claim without an outcome: the upload is ready again, or canceled if somebody asked for that.
func (t *tx) yield(r *row) error {
	r.token = nil
	if r.cancel {
		return t.conclude(&ending{row: r, state: tasks.Canceled})
	}
	return t.requeue(r)
}

// postponement says how long an upload waits, why, and what its next run need not find out again.
type postponement struct {
	until  int64
	why    *tasks.Error // shown meanwhile
	twinOf int64        // the upload whose content it waits for; 0: it waits for no twin
	slot   int64        // the reserved time of its call; 0: no time is reserved
	known  tasks.KnownContent
}

// postpone makes an upload wait, and ends its claim.
func (t *tx) postpone(r *row, p postponement) error {
	if err := t.release(r); err != nil {
		return err
	}
	if err := t.endRuns(r); err != nil {
		return err
	}
	c := causeOf(p.why)
	var hash any
	if p.known.Identity != "" {
		hash = hashOrNull(p.known.Hash)
	}
	_, err := t.Exec(`UPDATE uploads SET phase = 3, due_at = ?, claim_token = NULL, twin_of = ?, slot_at = ?, read_hash = ?, identity = ?, attempts = ?,
		code = ?, errcode = ?, rid = ?, reason = ?, hint = ?, reason_values = ? WHERE seq = ?`,
		p.until, reference(p.twinOf), reference(p.slot), hash, db.TextOrNull(p.known.Identity), r.attempts,
		db.TextOrNull(string(c.code)), c.errcode, db.TextOrNull(c.rid), db.TextOrNull(c.reason), db.TextOrNull(c.hint), c.values, r.seq)
	return err
}

// wakeTwins makes the uploads ready that waited for one which is no longer under way.
func (t *tx) wakeTwins() error {
	if len(t.wakes) == 0 {
		return nil
	}
	if some, err := t.Row("SELECT 1 FROM uploads WHERE twin_of IS NOT NULL LIMIT 1", nil, new(int)); err != nil || !some {
		return err
	}
	slices.Sort(t.wakes)
	for _, leader := range t.wakes {
		_, err := t.Exec(`UPDATE uploads SET phase = 0, due_at = NULL, twin_of = NULL, code = NULL, reason = NULL, hint = NULL, reason_values = NULL
			WHERE seq IN (SELECT seq FROM uploads WHERE twin_of = ? AND phase = 3 ORDER BY seq`+t.Dialect.ForUpdate+`)`, leader)
		if err != nil {
			return err
		}
	}
	return nil
}

// idValues returns the ids as values of placeholders.
func idValues(ids []uuid.UUID) []any {
	all := make([]any, len(ids))
	for i := range ids {
		all[i] = ids[i][:]
	}
	return all
}

// keysOf returns the ids as an array that PostgreSQL takes.
func keysOf(ids []uuid.UUID) [][]byte {
	keys := make([][]byte, len(ids))
	for i := range ids {
		keys[i] = ids[i][:]
	}
	return keys
}

func seqsOf(rs map[int64]*row) []int64 {
	seqs := make([]int64, 0, len(rs))
	for seq := range rs {
		seqs = append(seqs, seq)
	}
	slices.SortFunc(seqs, cmp.Compare)
	return seqs
}
