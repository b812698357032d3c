package view

import (
	"context"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Action returns an action as it is now, and NotFound if it does not exist.
func (v *View) Action(ctx context.Context, id uuid.UUID) (tasks.Action, error) {
	var a tasks.Action
	err := v.lists.Snapshot(ctx, "look up action", func(t *db.Tx) (err error) {
		a, err = schema.FindAction(t, id, "")
		return err
	})
	return a, err
}

// Actions returns one page of actions, the newest first, and the cursor of the next page; "" after the last one.
func (v *View) Actions(ctx context.Context, f tasks.ActionFilter) ([]tasks.Action, string, error) {
	c := new(db.Conditions)
	c.Equal("producer = ?", f.Producer)
	if f.Cursor != "" {
		last, err := uuid.Parse(f.Cursor)
		if err != nil {
			return nil, "", db.BadCursor()
		}
		c.Add("id < ?", last[:])
	}
	limit := db.PageSize(f.Limit)
	var page []tasks.Action
	err := v.lists.Snapshot(ctx, "list actions", func(t *db.Tx) (err error) {
		page, err = schema.Actions(t, c, "id DESC", limit+1)
		return err
	})
	if len(page) > limit {
		return page[:limit], page[limit-1].ID.String(), err
	}
	return page, "", err
}
