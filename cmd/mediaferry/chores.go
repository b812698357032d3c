package main

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
)

const (
	choreInterval = time.Minute
	// abandoned is how long a batch may get no rows before it is taken for one whose sender is gone.
	abandoned = time.Hour
)

// chores seals the batches that nobody goes on with and clears the inbox, until ctx ends.
func (s *stack) chores(ctx context.Context, inbox *api.Inbox) {
	ticks := time.NewTicker(choreInterval)
	defer ticks.Stop()
	for {
		if n, err := s.ledger.SealAbandoned(ctx, abandoned); err != nil && ctx.Err() == nil {
			s.log.Warn("can't seal abandoned batches", "error", err)
		} else if n > 0 {
			s.log.Info("sealed batches whose rows stopped coming", "batches", n)
		}
		if _, err := inbox.Sweep(ctx, s.ledger); err != nil && ctx.Err() == nil {
			s.log.Warn("can't clear the inbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}
