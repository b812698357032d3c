package view

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Deliveries returns one page of deliveries, the newest first, and the cursor of the next page, as List does.
func (v *View) Deliveries(ctx context.Context, f tasks.DeliveryFilter) ([]tasks.Delivery, string, error) {
	var (
		page []tasks.Delivery
		next string
	)
	err := v.lists.Snapshot(ctx, "list deliveries", func(t *db.Tx) error {
		page, next = nil, ""
		c := new(db.Conditions)
		if err := c.After("d.seq", f.Cursor); err != nil {
			return err
		}
		c.Equal("COALESCE(u.producer, b.producer) = ?", f.Producer)
		if f.Upload != uuid.Nil {
			c.Add("(u.id = ? OR b.id = ?)", f.Upload[:], f.Upload[:])
		}
		switch {
		case f.State == tasks.Pending:
			c.Add("d.due_at IS NOT NULL")
		case f.State != "":
			c.Add("d.phase = ?", schema.DeliveryPhase(f.State))
		}
		limit := db.PageSize(f.Limit)
		ds, seqs, err := schema.Deliveries(t, c.Where()+" ORDER BY d.seq DESC LIMIT ?", append(c.Args, limit+1)...)
		if err != nil {
			return err
		}
		if page = ds; len(page) > limit {
			page, next = page[:limit], db.Cursor(seqs[limit-1])
		}
		return nil
	})
	return page, next, err
}

// Delivery returns one delivery with its event, and NotFound if it does not exist.
func (v *View) Delivery(ctx context.Context, id uuid.UUID) (tasks.Delivery, error) {
	var d tasks.Delivery
	err := v.lists.Snapshot(ctx, "look up delivery", func(t *db.Tx) error {
		ds, _, err := schema.Deliveries(t, "d.id = ?", id[:])
		if err == nil && len(ds) == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "look up delivery", Err: errors.New("there is no such delivery")}
		}
		if err == nil {
			d = ds[0]
		}
		return err
	})
	return d, err
}
