package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// The keys of the log lines.
const (
	keyUpload  = "upload_id"
	keyBatch   = "batch_id"
	keyAccount = "account"
	keyAttempt = "attempt"
	keyErrcode = "errcode"
	keyRID     = "rid"
	keyTook    = "took"
)

// tell writes the one line of this try, and tells the observer.
func (w *Worker) tell(ctx context.Context, claim tasks.Claim, end ending, took time.Duration) {
	attrs := []slog.Attr{
		slog.String(keyUpload, claim.ID.String()),
		slog.String(keyAccount, claim.Account),
		slog.Int(keyAttempt, claim.Attempts+1),
		slog.Duration(keyTook, took),
		slog.String("state", string(end.state)),
	}
	if claim.Batch != uuid.Nil {
		attrs = append(attrs, slog.String(keyBatch, claim.Batch.String()))
	}
	if c := end.cause; c != nil {
		attrs = append(attrs, slog.String("code", string(c.Code)), slog.String("reason", c.Error()))
		if c.Errcode != 0 {
			attrs = append(attrs, slog.Int(keyErrcode, c.Errcode), slog.String(keyRID, c.RID))
		}
	}
	if end.pause > 0 {
		attrs = append(attrs, slog.Duration("again_in", end.pause))
	}
	level, text := headline(end)
	if c := end.cause; c != nil && c.Code == tasks.NoWork {
		level, text = slog.LevelDebug, "handed back"
		if w.strangers.isNew(claim.Account) {
			level, text = slog.LevelWarn, "uploads of an account wait that is not in this worker's settings: this is said once"
		}
	}
	if end.err != nil {
		attrs = append(attrs, slog.String("error", end.err.Error()))
	}
	w.log.LogAttrs(ctx, level, text, attrs...)
	w.tried(claim, end, took)
}

// strangers remembers which unknown accounts were told of. It is safe for concurrent use.
type strangers struct {
	mu    sync.Mutex
	names map[string]bool
}

// maxStrangers bounds how many are remembered. Those beyond are not told of.
const maxStrangers = 1000

// isNew reports whether the account is asked about for the first time.
func (s *strangers) isNew(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.names == nil {
		s.names = map[string]bool{}
	}
	if s.names[account] || len(s.names) == maxStrangers {
		return false
	}
	s.names[account] = true
	return true
}

func headline(end ending) (slog.Level, string) {
	switch {
	case errors.Is(end.err, tasks.ErrFenced):
		return slog.LevelWarn, "result dropped: another worker owns the upload now"
	case end.err != nil:
		return slog.LevelError, "the result could not be recorded"
	case end.reuse:
		return slog.LevelInfo, "media reused"
	case end.state == tasks.Succeeded:
		return slog.LevelInfo, "uploaded"
	case end.state == tasks.Failed:
		return slog.LevelWarn, "failed"
	case end.state == tasks.Canceled:
		return slog.LevelInfo, "canceled"
	case end.cause != nil && end.cause.Code.Reaction() == tasks.ReactHold:
		return slog.LevelDebug, "waits for its account" // that the account is held is said once, by HoldWatch
	case end.cause != nil && end.cause.Code == tasks.Busy:
		return slog.LevelDebug, "waits until other pictures are made to fit" // each comes again in its turn
	case end.state == tasks.Waiting:
		return slog.LevelInfo, "waits"
	default:
		return slog.LevelInfo, "handed back"
	}
}
