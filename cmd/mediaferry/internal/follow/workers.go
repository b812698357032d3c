package follow

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/config"
)

// nobodyWorks returns the sentence that no process works on the uploads, and which command would.
func nobodyWorks(w *words.Words, cfg config.Config) string {
	if cfg.RedisURL == config.Embedded {
		return w.T("workers.no_owner")
	}
	return w.T("workers.none")
}

// SayWorkers says on w which process will do the work of what was only submitted.
func SayWorkers(ctx context.Context, say *words.Words, w io.Writer, s *wire.Stack) error {
	if s.Embedded {
		return SayHolder(say, w, s.Config)
	}
	if s.Belt == nil { // Redis is away: nobody can be counted
		return nil
	}
	n, err := s.Workers(ctx)
	if err == nil && n == 0 {
		fmt.Fprintln(w, nobodyWorks(say, s.Config))
	}
	return err
}

// SayHolder is SayWorkers for an embedded belt. With a shared Redis it says nothing.
func SayHolder(say *words.Words, w io.Writer, cfg config.Config) error {
	if cfg.RedisURL != config.Embedded {
		return nil
	}
	holder, locked, err := wire.Holder(cfg.DataDir)
	switch {
	case err != nil:
		return err
	case locked:
		fmt.Fprintln(w, say.T("workers.owner", "Who", holder))
	default:
		fmt.Fprintln(w, nobodyWorks(say, cfg))
	}
	return nil
}

// workerInterval is the time between two counts of the workers. A worker takes as long to start.
const workerInterval = 2 * time.Second

// workerWatch counts the processes that work on what people follow. It tells when the last one is gone and when the
// first one is back.
type workerWatch struct {
	words  *words.Words
	stack  *wire.Stack
	off    bool
	next   time.Time
	absent bool
}

// check returns what has changed; "" for nothing.
func (w *workerWatch) check(ctx context.Context, now time.Time) string {
	if w.next.IsZero() { // a worker that is just starting is no news
		w.next = now.Add(workerInterval / 2)
	}
	if w.off || now.Before(w.next) {
		return ""
	}
	w.next = now.Add(workerInterval)
	n, err := w.stack.Workers(ctx)
	if err != nil || (n == 0) == w.absent {
		return "" // while Redis does not answer, the log says so
	}
	w.absent = n == 0
	if w.absent {
		return nobodyWorks(w.words, w.stack.Config)
	}
	return w.words.T("workers.back", "Count", n)
}
