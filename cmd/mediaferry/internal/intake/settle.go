package intake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// lookUpAtOnce is how many uploads are looked up in one go.
const lookUpAtOnce = 500

// settle decides about the rows that were submitted before: their earlier outcome answers them, or a new round.
func (b *Batch) settle(ctx context.Context) error {
	for _, r := range b.conflicting { // one that failed is tried again, with any code
		if r.State != tasks.Failed && r.State != tasks.Canceled {
			continue
		}
		if err := b.reopen(ctx, r.ID); err != nil {
			return err
		}
	}
	for lot := range slices.Chunk(distinct(b.again), lookUpAtOnce) {
		outcomes, err := b.Stack.Ledger.Outcomes(ctx, lot)
		if err != nil {
			return fmt.Errorf("look up uploads: %w", err)
		}
		for _, o := range outcomes {
			if !o.State.Final() { // it was reopened just now
				continue
			}
			if !b.outdated(o) {
				b.before[o.ID] = true
				continue
			}
			if err := b.reopen(ctx, o.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Batch) reopen(ctx context.Context, id uuid.UUID) error {
	if err := b.door.Retry(ctx, id, true); err != nil && tasks.CodeOf(err) != tasks.Conflict {
		return fmt.Errorf("retry upload: %w", err)
	}
	return nil
}

// outdated reports whether an old outcome is no answer any more: the media is about to expire, or the failure is one
// that a new try may mend.
func (b *Batch) outdated(o tasks.Outcome) bool {
	switch o.State {
	case tasks.Succeeded:
		return b.Request.NoReuse || time.Until(o.ExpiresAt) < b.Stack.Config.Worker.FreshMargin
	case tasks.Failed, tasks.Canceled:
		return o.Code.Mendable()
	default:
		return false
	}
}
