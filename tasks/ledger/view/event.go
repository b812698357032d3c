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
	var es []tasks.Event
	err := v.lists.Snapshot(ctx, "read events", func(t *db.Tx) error {
		var rs []schema.Event
		err := t.Each("SELECT "+schema.EventColumns+` FROM events e LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = e.batch
			WHERE e.seq > ? ORDER BY e.seq LIMIT ?`, db.Args{afterSeq, db.PageSize(limit)}, func(s db.Scanner) error {
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
