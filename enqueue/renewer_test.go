package enqueue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// larder is a ledger that has media to renew.
type larder struct {
	*fakeLedger
	mu   sync.Mutex
	due  int
	made []int
	err  error
}

func (l *larder) RenewDue(_ context.Context, limit int) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	n := min(l.due, limit)
	l.due -= n
	if n > 0 {
		l.made = append(l.made, n)
	}
	return n, nil
}

func (l *larder) set(due int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due, l.err = due, err
}

func TestOneRenewerMakesWhatIsDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &larder{fakeLedger: newFakeLedger(0), due: 250}
		var log strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		for _, holder := range []string{"a", "b"} {
			r := NewRenewer(l)
			r.Holder, r.Log = holder, slog.New(slog.NewTextHandler(&log, nil))
			done.Go(func() {
				if err := r.Run(ctx); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		time.Sleep(renewEvery)
		synctest.Wait()
		if want := []int{100, 100, 50}; !slices.Equal(l.made, want) {
			t.Errorf("made %v, want %v", l.made, want)
		}
		l.set(1, errors.New("the ledger is away"))
		time.Sleep(3 * renewEvery)
		synctest.Wait()
		l.set(1, nil)
		time.Sleep(renewEvery)
		synctest.Wait()
		if len(l.made) != 4 {
			t.Errorf("made %v: it does not go on after an outage", l.made)
		}
		if n := strings.Count(log.String(), "\n"); n != 2 {
			t.Errorf("%d lines are logged, want one of the outage and one of its end:\n%s", n, log.String())
		}
		cancel()
		done.Wait()
		if time.Now().Before(l.leadEnds) {
			t.Errorf("%s leads after its end", l.leader)
		}
	})
}
