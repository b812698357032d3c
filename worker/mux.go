package worker

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

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

// asynqLog passes what asynq has to say to slog.
type asynqLog struct{ log *slog.Logger }

func (l asynqLog) say(level slog.Level, args []any) {
	l.log.Log(context.Background(), level, strings.TrimSpace(fmt.Sprint(args...)), "from", "asynq")
}

func (l asynqLog) Debug(args ...any) { l.say(slog.LevelDebug, args) }
func (l asynqLog) Info(args ...any)  { l.say(slog.LevelInfo, args) }
func (l asynqLog) Warn(args ...any)  { l.say(slog.LevelWarn, args) }
func (l asynqLog) Error(args ...any) { l.say(slog.LevelError, args) }

// Fatal is asynq's last word before it would end the process. Ending it is not a library's to do.
func (l asynqLog) Fatal(args ...any) { l.say(slog.LevelError, args) }
