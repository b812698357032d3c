package ledger

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Undispatch makes exactly these generations ready again, where nobody has claimed them: they were lost on the belt,
// or could not be put on it. It returns how many.
func (l *Ledger) Undispatch(ctx context.Context, ds []tasks.Dispatch) (int, error) {
	ds = slices.Clone(ds)
	slices.SortFunc(ds, func(a, b tasks.Dispatch) int { return compareIDs(a.ID, b.ID) })
	var count int
	err := l.do(ctx, "undispatch uploads", func(t *tx) error {
		count = 0
		for _, d := range ds {
			n, err := t.Exec("UPDATE uploads SET phase = 0, due_at = NULL WHERE id = ? AND generation = ? AND phase = 1", d.ID[:], d.Generation)
			if err != nil {
				return err
			}
			count += int(n)
		}
		return nil
	})
	return count, err
}

// UndispatchAll makes all uploads and deliveries ready again that are on the belt and not claimed: the belt was lost.
func (l *Ledger) UndispatchAll(ctx context.Context) (int, error) {
	var count int64
	err := l.do(ctx, "undispatch all", func(t *tx) (err error) {
		count, err = t.Exec("UPDATE uploads SET phase = 0, due_at = NULL WHERE phase = 1 AND due_at IS NOT NULL")
		if err == nil {
			_, err = t.Exec("UPDATE deliveries SET phase = 0, due_at = ? WHERE phase = 1 AND due_at IS NOT NULL", t.Now)
		}
		return err
	})
	return int(count), err
}

// OnBelt lists dispatched uploads that nobody has claimed for longer than olderThan, the oldest first. No two
// have the same At. A limit as large as the window gets them all.
func (l *Ledger) OnBelt(ctx context.Context, olderThan time.Duration, limit int) ([]tasks.Dispatch, error) {
	var ds []tasks.Dispatch
	err := l.engine.Snapshot(ctx, "list dispatched uploads", func(t *db.Tx) (err error) {
		ds, err = schema.OnBelt(t, olderThan, limit)
		return err
	})
	return ds, err
}

const beltEpoch = "belt_epoch"

// BeltEpoch returns the mark that the dispatcher left on the belt; "" where it never did.
func (l *Ledger) BeltEpoch(ctx context.Context) (string, error) {
	var epoch string
	err := l.engine.Snapshot(ctx, "read belt epoch", func(t *db.Tx) error {
		_, err := t.Row("SELECT value FROM meta WHERE key = ?", db.Args{beltEpoch}, &epoch)
		return err
	})
	return epoch, err
}

// SetBeltEpoch remembers the mark that was left on a new belt.
func (l *Ledger) SetBeltEpoch(ctx context.Context, epoch string) error {
	return l.do(ctx, "set belt epoch", func(t *tx) error {
		_, err := t.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", beltEpoch, epoch)
		return err
	})
}

// sorted returns the tokens in the order in which rows are locked.
func sorted(ks []tasks.Token) []tasks.Token {
	ks = slices.Clone(ks)
	slices.SortFunc(ks, func(a, b tasks.Token) int { return compareIDs(a.Upload, b.Upload) })
	return ks
}

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }
