package enqueue

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestDispatcherIsWoken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		news     tasks.Wake
		uploads  int // that are on the belt then
		webhooks int
	}{
		"by uploads":          {tasks.WakeUploads, 1, 0},
		"by webhooks":         {tasks.WakeDeliveries, 1, 1},
		"by both":             {tasks.WakeUploads | tasks.WakeDeliveries, 1, 1},
		"not by what happens": {tasks.WakeEvents | tasks.WakeActions, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, b := newFakeLedger(0), newFakeBelt()
				d, _ := running(t, l, b)
				pass(time.Minute + 100*time.Millisecond)
				l.add(1)
				l.owe(1)
				d.Woken(tc.news)
				synctest.Wait()
				if n, m := len(b.snapshot()), b.webhooks(); n != tc.uploads || m != tc.webhooks {
					t.Errorf("%d uploads and %d webhooks are on the belt right after, want %d and %d", n, m, tc.uploads, tc.webhooks)
				}
				pass(time.Second)
				if n, m := len(b.snapshot()), b.webhooks(); n != 1 || m != 1 {
					t.Errorf("%d uploads and %d webhooks are on the belt a second later: they would be found without", n, m)
				}
			})
		})
	}
}

// A fleet hears all news: those that don't lead must not ask for the lead at each.
func TestWhoDoesNotLeadSleepsOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		running(t, l, b)
		other, _ := running(t, l, b)
		pass(time.Minute + 100*time.Millisecond)
		before := l.callCount()
		for range 20 {
			other.Woken(tasks.WakeUploads | tasks.WakeDeliveries)
			synctest.Wait()
		}
		if n := l.callCount() - before; n != 0 {
			t.Errorf("20 news made %d calls of the ledger", n)
		}
	})
}

// owe adds webhooks that are due.
func (l *fakeLedger) owe(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range n {
		l.deliveries = append(l.deliveries, tasks.DeliveryDispatch{ID: uuid.New(), Generation: 1})
	}
}

// webhooks counts those that were put on the belt.
func (b *fakeBelt) webhooks() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.deliveries)
}
