package wire

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
)

// inboxInterval is the time between two clean-ups of the inbox.
const inboxInterval = time.Minute

// cleanInbox removes the files that came over HTTP once no upload needs them, until ctx ends.
func (s *Stack) cleanInbox(ctx context.Context, inbox *api.Inbox) {
	ticks := time.NewTicker(inboxInterval)
	defer ticks.Stop()
	for {
		if _, err := inbox.CleanUp(ctx, s.Ledger); err != nil && ctx.Err() == nil {
			s.Log.Warn("can't clear the inbox", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}
