package ledger

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

const beltEpoch = "belt_epoch"

// BeltEpoch returns the mark that the dispatcher left on the belt, and "" if there is no mark yet.
func (l *Ledger) BeltEpoch(ctx context.Context) (string, error) {
	var epoch string
	err := l.engine.Snapshot(ctx, "read belt epoch", func(t *db.Tx) error {
		_, err := t.Row("SELECT value FROM meta WHERE key = ?", db.Args{beltEpoch}, &epoch)
		return err
	})
	return epoch, err
}

// SetBeltEpoch records the mark of a new belt.
func (l *Ledger) SetBeltEpoch(ctx context.Context, epoch string) error {
	return l.do(ctx, "set belt epoch", func(t *tx) error {
		_, err := t.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", beltEpoch, epoch)
		return err
	})
}
