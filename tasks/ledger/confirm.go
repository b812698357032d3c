package ledger

import (
	"bytes"
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Confirm records what the sources of uploads that have their outcome look like now: they were read again, and hold the
// same bytes as then. An upload that is in another round by now, or was read with other bytes meanwhile, stays as it is.
func (l *Ledger) Confirm(ctx context.Context, known map[uuid.UUID]tasks.KnownContent) error {
	inOrder := slices.SortedFunc(maps.Keys(known), func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return l.do(ctx, "confirm sources", func(t *tx) error {
		for _, id := range inOrder {
			k := known[id]
			_, err := t.Exec("UPDATE uploads SET identity = ? WHERE id = ? AND "+schema.HasOutcome+" AND "+schema.SourceHash+" = ?",
				db.TextOrNull(clean(k.Identity)), id[:], k.Hash[:])
			if err != nil {
				return err
			}
		}
		return nil
	})
}
