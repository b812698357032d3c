package view

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Conservation counts all uploads that were ever accepted by where they are now. It reads a few counts, for any number of
// uploads; Verify counts the uploads themselves. A batch has its own counts.
func (v *View) Conservation(ctx context.Context) (tasks.Conservation, error) {
	var all tasks.Conservation
	err := v.lists.Snapshot(ctx, "read counts", func(t *db.Tx) error {
		by, err := schema.Balances(t)
		all = total(by)
		return err
	})
	return all, err
}

// total adds up the balances of all accounts.
func total(by map[string]tasks.Conservation) tasks.Conservation {
	var all tasks.Conservation
	for _, c := range by {
		all.Add(c)
	}
	return all
}
