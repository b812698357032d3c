package view

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Processes lists the living processes by name.
func (v *View) Processes(ctx context.Context) ([]tasks.Process, error) {
	var ps []tasks.Process
	err := v.lists.Snapshot(ctx, "list processes", func(t *db.Tx) (err error) {
		ps, err = schema.Processes(t)
		return err
	})
	return ps, err
}
