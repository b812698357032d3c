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
	for lot := range slices.Chunk(b.distinctRows(b.again), lookUpAtOnce) {
		if err := b.settleLot(ctx, lot); err != nil {
			return err
		}
	}
	return nil
}

// settleLot decides for some rows, each of another upload.
func (b *Batch) settleLot(ctx context.Context, lot []int) error {
	ids, names := make([]uuid.UUID, len(lot)), make([]string, len(lot))
	for i, at := range lot {
		ids[i], names[i] = b.rows[at].ID, b.rows[at].Upload.ExternalID
	}
	outcomes, err := b.Stack.Ledger.Outcomes(ctx, ids)
	if err != nil {
		return fmt.Errorf("look up uploads: %w", err)
	}
	known, err := b.Stack.Ledger.KnownSources(ctx, b.producer(), names)
	if err != nil {
		return fmt.Errorf("look up sources: %w", err)
	}
	read := map[uuid.UUID]tasks.KnownContent{}
	for i, o := range outcomes {
		if !o.State.Final() { // it was reopened just now
			continue
		}
		if !b.outdated(o) && !known[names[i]].Forgotten {
			same, now := b.unchanged(ctx, b.rows[lot[i]].Row, o, known[names[i]].KnownContent)
			if err := ctx.Err(); err != nil {
				return err
			}
			if same {
				b.before[o.ID] = true
				if now.Identity != "" {
					read[o.ID] = now
				}
				continue
			}
		}
		if err := b.reopen(ctx, o.ID); err != nil {
			return err
		}
	}
	if len(read) == 0 {
		return nil
	}
	return b.Stack.Ledger.Confirm(ctx, read)
}

// distinctRows leaves out rows whose upload came before.
func (b *Batch) distinctRows(rows []int) []int {
	seen := make(map[uuid.UUID]bool, len(rows))
	return slices.DeleteFunc(slices.Clone(rows), func(at int) bool {
		id := b.rows[at].ID
		defer func() { seen[id] = true }()
		return seen[id]
	})
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
