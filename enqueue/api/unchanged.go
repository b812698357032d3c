package api

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Sources says what a source looks like now. *source.Store is one.
type Sources interface {
	Stat(ctx context.Context, source string) (tasks.Entry, error)
}

const (
	// maxStats is how many sources are looked at at once. On a mount that hangs they never come back.
	maxStats = 32
	// statLimit is how long a request waits for that.
	statLimit = 2 * time.Second
)

// unchanged reports whether the source of an upload looks as it did when it was read. What can't be found out here and now
// is for a worker to find out. A source that is gone holds no other bytes.
func (s *Server) unchanged(ctx context.Context, o tasks.Outcome) (bool, error) {
	known, err := s.cfg.Ledger.KnownSources(ctx, o.Producer, []string{o.ExternalID})
	if err != nil {
		return false, err
	}
	e, err := s.stat(ctx, o.Source)
	if tasks.CodeOf(err) == tasks.Missing {
		return true, nil
	}
	return err == nil && e.Identity != "" && e.Identity == known[o.ExternalID].Identity, nil
}

func (s *Server) stat(ctx context.Context, source string) (tasks.Entry, error) {
	unseen := &tasks.Error{Code: tasks.Storage, Op: "look at source"}
	if s.cfg.Sources == nil {
		return tasks.Entry{}, unseen
	}
	ctx, cancel := context.WithTimeout(ctx, statLimit)
	defer cancel()
	select {
	case s.stats <- struct{}{}:
	default:
		return tasks.Entry{}, unseen
	}
	type seen struct {
		entry tasks.Entry
		err   error
	}
	done := make(chan seen, 1)
	go func() {
		defer func() { <-s.stats }()
		e, err := s.cfg.Sources.Stat(ctx, source)
		done <- seen{e, err}
	}()
	select {
	case v := <-done:
		return v.entry, v.err
	case <-ctx.Done():
		return tasks.Entry{}, unseen
	}
}
