package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// tally collects what a transaction changes in a batch. It is written at the transaction's end, under the batch's lock.
type tally struct {
	accepted, open, succeeded, failed, canceled, refused, pruned int

	seal, truncated bool
	ended           tasks.BatchEnd
	touch           bool   // the producer was here
	reopen          bool   // one of its outcomes was taken back by a retry
	callback        string // read under the lock, for the events of its uploads
}

// tally returns the changes to the batch with that seq, for the caller to add to.
func (t *tx) tally(batch int64) *tally {
	if t.tallies == nil {
		t.tallies = map[int64]*tally{}
	}
	y, ok := t.tallies[batch]
	if !ok {
		y = &tally{}
		t.tallies[batch] = y
	}
	return y
}

// count adds n to the uploads with that outcome.
func (y *tally) count(s tasks.State, n int) {
	switch s {
	case tasks.Succeeded:
		y.succeeded += n
	case tasks.Failed:
		y.failed += n
	case tasks.Canceled:
		y.canceled += n
	}
}

// prune counts that one of its uploads, which had that outcome, is deleted.
func (y *tally) prune(s tasks.State) {
	y.pruned++
	y.count(s, -1)
}

// errSealedMeanwhile undoes the transaction. When it runs again, it refuses the rows.
var errSealedMeanwhile = errors.New("the batch was sealed meanwhile")

// settleBatches applies the tallies in the order of the batches, and completes those that are sealed and done.
func (t *tx) settleBatches() error {
	for _, seq := range slices.Sorted(maps.Keys(t.tallies)) {
		b, err := t.lockBatch(seq)
		if err != nil {
			return err
		}
		if err := t.settle(seq, b, t.tallies[seq]); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) settle(seq int64, b *tasks.Batch, y *tally) error {
	sealed := b.State != tasks.BatchOpen
	if sealed && y.accepted > 0 {
		return errSealedMeanwhile
	}
	y.callback = b.CallbackURL
	c := &b.Counts
	c.Total, c.Open, c.Refused = c.Total+y.accepted-y.pruned, c.Open+y.open, c.Refused+y.refused
	c.Pruned += y.pruned
	c.Succeeded, c.Failed, c.Canceled = c.Succeeded+y.succeeded, c.Failed+y.failed, c.Canceled+y.canceled
	if y.seal && !sealed {
		b.State, b.Truncated, b.Ended = tasks.BatchSealed, y.truncated, y.ended
		if b.Truncated && b.Ended == "" {
			b.Ended = tasks.EndTruncated
		}
	}
	if y.reopen && b.State == tasks.BatchComplete {
		b.State, b.Completed = tasks.BatchSealed, time.Time{}
		b.Round++
	}
	if b.State == tasks.BatchSealed && c.Open == 0 {
		b.State, b.Completed = tasks.BatchComplete, db.Time(t.Now)
		if err := t.completed(seq, b); err != nil {
			return err
		}
	}
	_, err := t.Exec(`UPDATE batches SET total = ?, open = ?, succeeded = ?, failed = ?, canceled = ?, refused = ?, pruned = ?, sealed = ?, truncated = ?, ended = ?,
		round = ?, completed_at = ?, touched_at = CASE WHEN ? = 1 THEN ? ELSE touched_at END WHERE seq = ?`,
		c.Total, c.Open, c.Succeeded, c.Failed, c.Canceled, c.Refused, c.Pruned, db.Flag(b.State != tasks.BatchOpen), db.Flag(b.Truncated), string(b.Ended),
		b.Round, db.TimeOrNull(b.Completed), db.Flag(y.touch || y.accepted > 0), t.Now, seq)
	return err
}

// completed adds the event batch.completed. The event keeps the counts, since the next round changes them.
func (t *tx) completed(seq int64, b *tasks.Batch) error {
	data, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("encode batch: %w", err)
	}
	t.events = append(t.events, event{kind: tasks.BatchCompleted, batch: seq, round: b.Round, data: data, url: b.CallbackURL})
	return nil
}

func (t *tx) lockBatch(seq int64) (*tasks.Batch, error) {
	b := new(tasks.Batch)
	found := false
	err := t.Each("SELECT "+schema.BatchColumns+" FROM batches WHERE seq = ?"+t.Dialect.ForUpdate, db.Args{seq}, func(s db.Scanner) error {
		found = true
		return schema.ScanBatch(s, b)
	})
	if err == nil && !found {
		err = fmt.Errorf("batch %d is gone", seq)
	}
	return b, err
}

// batchRef is a batch as a new row refers to it. seq 0: the row belongs to no batch, or the batch is not known.
type batchRef struct {
	seq     int64
	asked   bool
	sealed  bool
	refused int // rows that were refused so far
	isKnown bool
}

func (b batchRef) refuses() *tasks.Error {
	switch {
	case b.asked && !b.isKnown:
		return &tasks.Error{Code: tasks.NotFound, Op: "accept upload", Err: tasks.Textf("there is no such batch")}
	case b.sealed:
		return &tasks.Error{Code: tasks.Conflict, Op: "accept upload", Err: tasks.Textf("the batch is sealed"), Hint: "submit it with a new batch"}
	}
	return nil
}

func (t *tx) batchRef(id uuid.UUID, seen map[uuid.UUID]batchRef) (batchRef, error) {
	if id == uuid.Nil {
		return batchRef{}, nil
	}
	if b, ok := seen[id]; ok {
		return b, nil
	}
	b := batchRef{asked: true}
	var err error
	b.isKnown, err = t.Row("SELECT seq, sealed, refused FROM batches WHERE id = ?", db.Args{id[:]}, &b.seq, &b.sealed, &b.refused)
	if err == nil {
		seen[id] = b
	}
	return b, err
}

// OpenBatch opens a batch, and reports whether it is new. The same (producer, external id) finds the earlier batch, in any
// state. A batch without an ID gets a UUIDv7. OpenBatch returns Conflict if the name was used with another callback URL
// or other metadata.
func (l *Ledger) OpenBatch(ctx context.Context, b tasks.Batch) (tasks.Batch, bool, error) {
	if b.ID == uuid.Nil {
		id, err := uuid.NewV7()
		if err != nil {
			return b, false, fmt.Errorf("mint batch id: %w", err)
		}
		b.ID = id
	}
	var (
		got     tasks.Batch
		created bool
	)
	err := l.do(ctx, "open batch", func(t *tx) error {
		n, err := t.Exec(`INSERT INTO batches (id, producer, external_id, callback_url, metadata, local, submitted_at, touched_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			b.ID[:], b.Producer, db.TextOrNull(b.ExternalID), db.TextOrNull(b.CallbackURL), db.TextOrNull(string(b.Metadata)), db.Flag(b.Local), t.Now, t.Now)
		if err != nil {
			return err
		}
		created = n > 0
		var seq int64
		got, seq, err = t.findBatch(b)
		if err != nil || created {
			return err
		}
		if got.Producer != b.Producer || got.CallbackURL != b.CallbackURL || !bytes.Equal(got.Metadata, b.Metadata) {
			return &tasks.Error{Code: tasks.Conflict, Op: "open batch", Err: tasks.Textf("this batch was opened before, as another request")}
		}
		t.tally(seq).touch = true
		return nil
	})
	return got, created, err
}

func (t *tx) findBatch(like tasks.Batch) (b tasks.Batch, seq int64, err error) {
	found := false
	read := func(where string, a ...any) error {
		return t.Each("SELECT seq, "+schema.BatchColumns+" FROM batches WHERE "+where, a, func(s db.Scanner) error {
			found = true
			return schema.ScanBatch(s, &b, &seq)
		})
	}
	if like.ExternalID != "" {
		err = read("producer = ? AND external_id = ?", like.Producer, like.ExternalID)
	}
	if err == nil && !found {
		err = read("id = ?", like.ID[:])
	}
	if err == nil && !found {
		err = schema.NoBatch("open batch")
	}
	return b, seq, err
}

// recordRefusal records a refused row of a batch. It returns 0 if the line was recorded before.
func (t *tx) recordRefusal(batch int64, r tasks.Refusal) (int, error) {
	n, err := t.Exec("INSERT INTO refusals (batch, line, external_id, code, reason, reason_values) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		batch, r.Line, db.TextOrNull(clean(r.ExternalID)), string(r.Code), clean(r.Reason), valuesOf(r.Params))
	t.tally(batch).refused += int(n)
	return int(n), err
}

// Seal says that no more rows will come. The batch is complete at once if each of its uploads has an outcome, also if
// it has no uploads. Sealing it again changes nothing. truncated says that the rows broke off before their end.
func (l *Ledger) Seal(ctx context.Context, batch uuid.UUID, truncated bool) error {
	return l.do(ctx, "seal batch", func(t *tx) error {
		b, err := t.batchRef(batch, map[uuid.UUID]batchRef{})
		if err != nil {
			return err
		}
		if !b.isKnown {
			return schema.NoBatch("seal batch")
		}
		if b.sealed {
			return nil
		}
		y := t.tally(b.seq)
		y.seal, y.truncated = true, truncated
		return nil
	})
}

// SealAbandoned seals the open batches that got no rows for idle, as truncated. It returns the number of sealed batches.
func (l *Ledger) SealAbandoned(ctx context.Context, idle time.Duration) (int, error) {
	const atOnce = 100
	var n int
	err := l.do(ctx, "seal abandoned batches", func(t *tx) error {
		var seqs []int64
		err := t.Each("SELECT seq FROM batches WHERE sealed = 0 AND touched_at <= ? ORDER BY touched_at LIMIT ?",
			db.Args{t.Now - idle.Microseconds(), atOnce}, func(s db.Scanner) error {
				seqs = append(seqs, 0)
				return s.Scan(&seqs[len(seqs)-1])
			})
		for _, seq := range seqs {
			y := t.tally(seq)
			y.seal, y.truncated = true, true
		}
		n = len(seqs)
		return err
	})
	return n, err
}
