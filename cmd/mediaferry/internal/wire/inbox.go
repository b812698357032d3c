package wire

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
)

// inboxInterval is how long a file that nobody needs any more may lie there.
const inboxInterval = time.Minute

// sweepInbox removes the files that came over HTTP once no upload needs them, until ctx ends.
func (s *Stack) sweepInbox(ctx context.Context, inbox *api.Inbox) {
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
