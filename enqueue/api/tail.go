package api

import (
	"context"
	"sync"
	"time"
)

// tail looks for new events once for all streams of this process, as long as there are any, and tells them.
type tail struct {
	events Events
	every  time.Duration

	mu        sync.Mutex
	followers map[chan struct{}]bool
	newest    int64              // Seq of the newest event that was seen
	stop      context.CancelFunc // ends the goroutine that looks; nil: it does not run
}

func newTail(events Events, every time.Duration) *tail {
	return &tail{events: events, every: every, followers: map[chan struct{}]bool{}}
}

// follow returns a channel that gets a value when there may be new events. leave ends that.
func (t *tail) follow() (news <-chan struct{}, leave func()) {
	c := make(chan struct{}, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.followers[c] = true
	if t.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		t.stop = cancel
		go t.run(ctx)
	}
	return c, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.followers, c)
		if len(t.followers) == 0 && t.stop != nil {
			t.stop()
			t.stop = nil
		}
	}
}

// run looks for new events until ctx ends. While the ledger is away it tells nothing.
func (t *tail) run(ctx context.Context) {
	ticks := time.NewTicker(t.every)
	defer ticks.Stop()
	for {
		if newest, err := t.events.NewestEvent(ctx); err == nil {
			t.tell(newest)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// tell wakes the followers if there are new events.
func (t *tail) tell(newest int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if newest <= t.newest {
		return
	}
	t.newest = newest
	for c := range t.followers {
		select {
		case c <- struct{}{}:
		default: // it has yet to look
		}
	}
}

// seen returns the Seq of the newest event that was seen. None with a smaller one is committed later.
func (t *tail) seen() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.newest
}
