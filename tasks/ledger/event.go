package ledger

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// event is one that a transaction will write at its end.
type event struct {
	kind   tasks.EventType
	upload int64
	batch  int64
	round  int
	data   []byte // nil: rendered when it is read
	url    string // of the receiver; empty: the callback of the batch in ofBatch, if it has one
	// ofBatch is the batch of an upload without a callback of its own.
	ofBatch int64
	// producer and local are those of an event that belongs to neither an upload nor a batch.
	producer string
	local    bool
}

// writeEvents writes what happened, and a delivery wherever somebody asked to be told. It waits for no other transaction:
// what a reader may see is decided when it reads.
func (t *tx) writeEvents() error {
	if len(t.events) == 0 {
		return nil
	}
	t.wake |= tasks.WakeEvents
	seqs, err := schema.EventSeqs(t.Tx, len(t.events))
	if err != nil {
		return err
	}
	from := 0 // the first that is not written yet
	for i := range t.events {
		e := &t.events[i]
		if e.kind == tasks.BatchCompleted {
			if seqs[i], err = schema.LateEventSeq(t.Tx, e.batch); err != nil {
				return err
			}
		}
		if e.url == "" && e.ofBatch != 0 {
			e.url = t.tally(e.ofBatch).callback
		}
		if e.url == "" {
			continue
		}
		if err := t.writeUntold(seqs[from:i], t.events[from:i]); err != nil {
			return err
		}
		if err := t.writeTold(seqs[i], e); err != nil {
			return fmt.Errorf("write event %s: %w", e.kind, err)
		}
		from = i + 1
	}
	return t.writeUntold(seqs[from:], t.events[from:])
}

// writeUntold writes events that no receiver is told of.
func (t *tx) writeUntold(seqs []any, es []event) error {
	err := t.insert(intoEvents, []string{"bigint", "text", "bigint", "bigint", "bigint", "bigint", "text", "text", "smallint"}, len(es), func(i int) []any {
		return es[i].values(seqs[i], t.Now)
	})
	if err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	return nil
}

const intoEvents = "INSERT INTO events (seq, type, at, upload, batch, round, data, producer, local)"

func (e *event) values(seq any, now int64) []any {
	return []any{seq, string(e.kind), now, reference(e.upload), reference(e.batch), e.round, db.TextOrNull(string(e.data)), db.TextOrNull(e.producer), db.Flag(e.local)}
}

// writeTold writes an event, and the delivery that tells a receiver of it.
func (t *tx) writeTold(next any, e *event) error {
	t.wake |= tasks.WakeDeliveries
	var seq int64
	if _, err := t.Row(intoEvents+" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq", e.values(next, t.Now), &seq); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	const producer = "COALESCE(?, (SELECT producer FROM uploads WHERE seq = ?), (SELECT producer FROM batches WHERE seq = ?), '')"
	of := db.Args{db.TextOrNull(e.producer), reference(e.upload), reference(e.batch)}
	_, err = t.Exec("INSERT INTO deliveries (id, event, url, due_at, producer, endpoint) VALUES (?, ?, ?, ?, "+producer+", "+producer+" || ' ' || ?)",
		append(append(append(db.Args{id[:], seq, e.url, t.Now}, of...), of...), origin(e.url))...)
	return err
}

func reference(seq int64) any {
	if seq == 0 {
		return nil
	}
	return seq
}
