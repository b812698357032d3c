package view

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Deliveries returns one page of deliveries, the newest first, and the cursor of the next page, as List does.
func (v *View) Deliveries(ctx context.Context, f tasks.DeliveryFilter) ([]tasks.Delivery, string, error) {
	type row struct {
		tasks.Delivery
		seq int64
	}
	var (
		page []tasks.Delivery
		next string
	)
	err := v.lists.Snapshot(ctx, "list deliveries", func(t *db.Tx) error {
		w, err := deliveryWalk(t, f)
		if err != nil {
			return err
		}
		rows, cursor, err := newest(t, []*walk{w}, f.Cursor, db.PageSize(f.Limit), walkRows, func(r row) int64 { return r.seq },
			func(c *db.Conditions, limit int) ([]row, error) {
				ds, seqs, err := schema.Deliveries(t, c.Where()+" ORDER BY d.seq DESC LIMIT ?", append(c.Args, limit)...)
				rows := make([]row, len(ds))
				for i := range ds {
					rows[i] = row{ds[i], seqs[i]}
				}
				return rows, err
			})
		page, next = nil, cursor
		for _, r := range rows {
			page = append(page, r.Delivery)
		}
		return err
	})
	return page, next, err
}

// deliveryWalk is the way to the deliveries that a filter chooses.
func deliveryWalk(t *db.Tx, f tasks.DeliveryFilter) (*walk, error) {
	w := &walk{table: "deliveries", alias: "d"}
	if f.Upload != uuid.Nil {
		w.named = true
		if err := deliveriesOf(t, w, f.Upload); err != nil {
			return nil, err
		}
	}
	if f.State == tasks.Pending && !w.named {
		seqs, ok, err := few(t, "SELECT seq FROM deliveries WHERE due_at IS NOT NULL")
		if err != nil {
			return nil, err
		}
		w.seqs, w.named = seqs, ok
	}
	along := &w.along
	if w.named {
		along = &w.rest
	}
	along.Equal("d.producer = ?", f.Producer)
	w.rest.Equal("d.url = ?", f.URL)
	switch f.State {
	case "":
	case tasks.Pending:
		w.rest.Add("d.due_at IS NOT NULL")
	case tasks.Delivered:
		w.rest.Add("d.phase = ?", schema.DeliveryPhase(f.State))
	default: // given up, disabled: these have an index of their own
		along.Add(fmt.Sprintf("d.phase >= 4 AND d.phase = %d", schema.DeliveryPhase(f.State)))
	}
	return w, nil
}

// deliveriesOf finds the deliveries that tell of an upload or a batch, through its events.
func deliveriesOf(t *db.Tx, w *walk, id uuid.UUID) error {
	for _, events := range []string{
		"SELECT e.seq FROM events e JOIN uploads u ON u.seq = e.upload WHERE u.id = ? AND e.type <> 'media.renewed'",
		"SELECT e.seq FROM events e JOIN batches b ON b.seq = e.batch WHERE b.id = ?",
	} {
		told, _, err := few(t, events, id[:])
		if err != nil {
			return err
		}
		for some := range slices.Chunk(told, seqsAtOnce) {
			keys := make(db.Args, len(some))
			for i, seq := range some {
				keys[i] = seq
			}
			seqs, _, err := few(t, "SELECT seq FROM deliveries WHERE event IN ("+db.Marks(len(keys))+")", keys...)
			if err != nil {
				return err
			}
			w.seqs = descending(append(w.seqs, seqs...))
		}
	}
	return nil
}

// Delivery returns one delivery with its event. It returns NotFound where there is none.
func (v *View) Delivery(ctx context.Context, id uuid.UUID) (tasks.Delivery, error) {
	var d tasks.Delivery
	err := v.lists.Snapshot(ctx, "look up delivery", func(t *db.Tx) error {
		ds, _, err := schema.Deliveries(t, "d.id = ?", id[:])
		if err == nil && len(ds) == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "look up delivery", Err: tasks.Textf("there is no such delivery")}
		}
		if err == nil {
			d = ds[0]
		}
		return err
	})
	return d, err
}
