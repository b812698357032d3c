package view

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// AccountNames lists the names of the registered accounts.
func (v *View) AccountNames(ctx context.Context) ([]string, error) {
	var names []string
	err := v.lists.Snapshot(ctx, "list accounts", func(t *db.Tx) error {
		names = nil
		return t.Each("SELECT name FROM accounts ORDER BY name", nil, func(s db.Scanner) error {
			var name string
			err := s.Scan(&name)
			names = append(names, name)
			return err
		})
	})
	return names, err
}
