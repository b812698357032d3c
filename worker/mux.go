package worker

import (
	"context"
	"fmt"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/tasks"
)

// NewMux routes the tasks of the belt to their handlers. A task that can't be read is dropped for good: the ledger
// brings its upload again under another generation.
func NewMux(h Handlers) *asynq.ServeMux {
	mux := asynq.NewServeMux()
	if h.Run != nil {
		mux.HandleFunc(tasks.TypeRun, decoded(tasks.ParseRunTask, h.Run))
	}
	if h.Deliver != nil {
		mux.HandleFunc(tasks.TypeDeliver, decoded(tasks.ParseDeliverTask, h.Deliver))
	}
	if h.Inbox != nil {
		mux.HandleFunc(tasks.TypeUpload, h.Inbox)
	}
	return mux
}

func decoded[P any](parse func(*asynq.Task) (P, error), handle func(context.Context, P) error) asynq.HandlerFunc {
	return func(ctx context.Context, t *asynq.Task) error {
		p, err := parse(t)
		if err != nil {
			return fmt.Errorf("%w: %w", err, asynq.SkipRetry)
		}
		return handle(ctx, p)
	}
}
