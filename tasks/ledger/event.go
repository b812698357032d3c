package ledger

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// event is one that a transaction will write at its end.
type event struct {
	kind   tasks.EventType
	upload int64
	batch  int64
	round  int
	data   []byte // nil: rendered when it is read
	url    string // who is told; empty: nobody, or the callback of the batch in ofBatch
	// ofBatch is the batch of an upload without a callback of its own.
	ofBatch int64
}

// writeEvents writes what happened, and a delivery wherever somebody asked to be told. It is the last step of a
// transaction: PostgreSQL hands out seq under a lock that is held until the commit, so that no reader can see a
// later event before an earlier one.
func (t *tx) writeEvents() error {
	if len(t.events) == 0 {
		return nil
	}
	if q := t.l.d.lockEvents; q != "" {
		if _, err := t.row(q, nil, new(any)); err != nil {
			return err
		}
	}
	for _, e := range t.events {
		if e.url == "" && e.ofBatch != 0 {
			e.url = t.tally(e.ofBatch).callback
		}
		if err := t.writeEvent(e); err != nil {
			return fmt.Errorf("write event %s: %w", e.kind, err)
		}
	}
	return nil
}

func (t *tx) writeEvent(e event) error {
	const insert = "INSERT INTO events (type, at, upload, batch, round, data) VALUES (?, ?, ?, ?, ?, ?)"
	a := args{string(e.kind), t.now, reference(e.upload), reference(e.batch), e.round, text(string(e.data))}
	if e.url == "" {
		_, err := t.exec(insert, a...)
		return err
	}
	var seq int64
	if _, err := t.row(insert+" RETURNING seq", a, &seq); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = t.exec("INSERT INTO deliveries (id, event, url, due_at) VALUES (?, ?, ?, ?)", id[:], seq, e.url, t.now)
	return err
}

func reference(seq int64) any {
	if seq == 0 {
		return nil
	}
	return seq
}

// recorded is an event as its row keeps it.
type recorded struct {
	tasks.Event
	upload, batch sql.NullInt64
	uploadID      []byte
	batchID       []byte
	round         int
	data          []byte
}

const eventColumns = "e.seq, e.type, e.at, e.upload, e.batch, e.round, e.data, u.id, b.id, COALESCE(u.producer, b.producer, '')"

func (e *recorded) scan(s scanner, before ...any) error {
	var at int64
	err := s.Scan(append(before, &e.Seq, &e.Type, &at, &e.upload, &e.batch, &e.round, &e.data, &e.uploadID, &e.batchID, &e.Producer)...)
	e.Time = timeOf(at)
	return err
}

// render makes the event that is sent and shown. An event of an earlier round tells of that round's outcome.
func (t *tx) render(e recorded) (tasks.Event, error) {
	e.ID = e.identity()
	if e.Data = e.data; e.Data != nil {
		return e.Event, nil
	}
	o, found, err := t.ofRound(e.upload.Int64, e.round)
	if err != nil {
		return e.Event, err
	}
	if !found {
		return e.Event, fmt.Errorf("event %d: round %d of its upload is gone", e.Seq, e.round)
	}
	e.Data, err = json.Marshal(o.Outcome)
	return e.Event, err
}

// identity is the event's ID, the same whenever and wherever it is asked for: receivers tell by it what they know.
func (e *recorded) identity() uuid.UUID {
	of, name := e.uploadID, fmt.Sprintf("%s %d", e.Type, e.round)
	if of == nil {
		of = e.batchID
	}
	if of == nil {
		name = fmt.Sprintf("%s %d", e.Type, e.Seq)
	}
	var space uuid.UUID
	copy(space[:], of)
	return uuid.NewSHA1(space, []byte(name))
}

// Events returns the events behind seq afterSeq, in the order in which they were committed. Whoever goes on behind the
// last one's Seq sees every event once: none is committed later with a smaller one. limit 0: 100, at most 1,000.
func (l *Ledger) Events(ctx context.Context, afterSeq int64, limit int) ([]tasks.Event, error) {
	var es []tasks.Event
	err := l.view(ctx, "read events", func(t *tx) error {
		var rs []recorded
		err := t.each("SELECT "+eventColumns+` FROM events e LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = e.batch
			WHERE e.seq > ? ORDER BY e.seq LIMIT ?`, args{afterSeq, pageSize(limit)}, func(s scanner) error {
			rs = append(rs, recorded{})
			return rs[len(rs)-1].scan(s)
		})
		for _, r := range rs {
			if err != nil {
				break
			}
			var e tasks.Event
			e, err = t.render(r)
			es = append(es, e)
		}
		return err
	})
	return es, err
}
