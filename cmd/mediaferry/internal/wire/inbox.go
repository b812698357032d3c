package wire

import (
	"cmp"
	"context"
	"path/filepath"
	"time"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// inboxDir is where the files are kept that come over HTTP.
func inboxDir(c config.Config) string {
	return cmp.Or(c.HTTP.InboxDir, filepath.Join(c.DataDir, "inbox"))
}

// openInbox opens the inbox of this process, which refuses files that no worker could read.
func (s *Stack) openInbox() (*api.Inbox, error) {
	c := api.InboxConfig{Dir: inboxDir(s.Config), Size: int64(s.Config.HTTP.InboxSize)}
	if s.inboxes != nil {
		c.Readable = s.inboxes.readable
	}
	return api.OpenInbox(c)
}

// reportInbox tells the fleet where the inbox of this process is, and which ones it can read.
func (s *Stack) reportInbox(p *tasks.Process) {
	p.Inbox = s.inbox.Load()
	if s.inboxes != nil && p.Role.Carries() {
		p.Inboxes = s.inboxes.sights()
	}
}

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
