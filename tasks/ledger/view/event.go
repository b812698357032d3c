package view

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Events returns the events behind seq afterSeq, in the order in which they were committed. Whoever goes on behind the
// last one's Seq sees every event once: none is committed later with a smaller one. limit 0: 100, at most 1,000.
func (v *View) Events(ctx context.Context, afterSeq int64, limit int) ([]tasks.Event, error) {
	return v.EventsOf(ctx, "", afterSeq, limit)
}

// EventsOf is Events of one producer's uploads and batches. An empty name means everybody's.
func (v *View) EventsOf(ctx context.Context, producer string, afterSeq int64, limit int) ([]tasks.Event, error) {
	where, a := "e.seq > ?", db.Args{afterSeq}
	if producer != "" {
		where, a = where+" AND COALESCE(u.producer, b.producer, '') = ?", append(a, producer)
	}
	a = append(a, db.PageSize(limit))
	var es []tasks.Event
	err := v.lists.Snapshot(ctx, "read events", func(t *db.Tx) error {
		es = nil
		var rs []schema.Event
		err := t.Each("SELECT "+schema.EventColumns+` FROM events e LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = e.batch
			WHERE `+where+" ORDER BY e.seq LIMIT ?", a, func(s db.Scanner) error {
			rs = append(rs, schema.Event{})
			return rs[len(rs)-1].Scan(s)
		})
		for _, r := range rs {
			if err != nil {
				break
			}
			var e tasks.Event
			e, err = schema.Render(t, r)
			es = append(es, e)
		}
		return err
	})
	return es, err
}

// NewestEvent returns the Seq of the event that was committed last; 0 where there is none.
func (v *View) NewestEvent(ctx context.Context) (int64, error) {
	var seq int64
	err := v.lists.Snapshot(ctx, "look up newest event", func(t *db.Tx) error {
		_, err := t.Row("SELECT COALESCE(MAX(seq), 0) FROM events", nil, &seq)
		return err
	})
	return seq, err
}
