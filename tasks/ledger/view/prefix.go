package view

import (
	"context"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// OutcomesBetween returns up to limit uploads whose IDs lie between first and last, both included, in the order of their
// IDs and without their histories. People name uploads by the beginning of an ID.
func (v *View) OutcomesBetween(ctx context.Context, first, last uuid.UUID, limit int) ([]tasks.Outcome, error) {
	var found []tasks.Outcome
	err := v.lists.Snapshot(ctx, "look up uploads", func(t *db.Tx) error {
		found = nil
		rows, err := schema.Outcomes(t, "u.id >= ? AND u.id <= ? ORDER BY u.id LIMIT ?", first[:], last[:], limit)
		for _, o := range rows {
			found = append(found, o.Outcome)
		}
		return err
	})
	return found, err
}
