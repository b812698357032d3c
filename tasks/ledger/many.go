package ledger

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// idsAtOnce keeps a statement's text short; SQLite takes 32,766 values at most.
const idsAtOnce = 500

// Outcomes returns uploads as they stand, in the order of ids, without their histories. NotFound where one is unknown.
func (l *Ledger) Outcomes(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	found := make(map[uuid.UUID]tasks.Outcome, len(ids))
	for some := range slices.Chunk(ids, idsAtOnce) {
		keys := make(args, len(some))
		for i, id := range some {
			keys[i] = id[:]
		}
		err := l.view(ctx, "look up uploads", func(t *tx) error {
			rows, err := t.outcomes("u.id IN ("+marks(len(keys))+")", keys...)
			for _, o := range rows {
				found[o.ID] = o.Outcome
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	outcomes := make([]tasks.Outcome, len(ids))
	for i, id := range ids {
		o, ok := found[id]
		if !ok {
			return nil, &tasks.Error{Code: tasks.NotFound, Op: "look up uploads", Err: fmt.Errorf("there is no upload %s", id)}
		}
		outcomes[i] = o
	}
	return outcomes, nil
}
