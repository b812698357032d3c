package worker

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// slowLedger answers each call after some time.
type slowLedger struct {
	Ledger
	slow   time.Duration
	failed bool
}

func (*slowLedger) ID() uuid.UUID              { return uuid.Nil }
func (*slowLedger) Ping(context.Context) error { return nil }

func (l *slowLedger) Claim(_ context.Context, bids []tasks.Bid, _ string, _ time.Duration) ([]tasks.Claim, error) {
	time.Sleep(l.slow) // the bubble's clock: no time passes
	return make([]tasks.Claim, len(bids)), nil
}

func (l *slowLedger) Renew(context.Context, []tasks.Token, time.Duration) (tasks.Renewal, error) {
	if l.failed {
		return tasks.Renewal{}, &tasks.Error{Code: tasks.Unavailable}
	}
	time.Sleep(l.slow)
	l.failed = true
	return tasks.Renewal{}, nil
}

// The ledger counts a lease from when it heard of the claim or renewal. A worker does not know when that was, so it counts
// from before it asked: its work ends before the ledger may give the upload to another worker.
func TestDeadlinesAreTakenBeforeTheCall(t *testing.T) {
	t.Parallel()
	const lease, slow = 10 * time.Second, 4 * time.Second
	t.Run("claim", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			w := New(Deps{Ledger: &slowLedger{slow: slow}}, Config{Lease: lease})
			defer w.Close()
			asked := time.Now()
			_, until, err := w.claim(t.Context(), tasks.RunPayload{Runs: make([]tasks.RunRef, 1)})
			if err != nil || !until.Equal(asked.Add(lease)) {
				t.Errorf("the lease ends %v after it was asked for (%v), want %v", until.Sub(asked), err, lease)
			}
		})
	})
	t.Run("renewal", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			g := newGate(func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
			defer g.close()
			l := newLeases(&slowLedger{slow: slow}, lease, g)
			defer l.close()
			began := time.Now()
			ctx, drop := l.keep(t.Context(), tasks.Token{Claim: uuid.New()}, began.Add(lease))
			defer drop()
			<-ctx.Done() // after the only renewal that succeeded
			sent := began.Add(lease / renewals)
			if got := time.Since(sent); got != lease || !errors.Is(context.Cause(ctx), errLeaseLost) {
				t.Errorf("the work ended %v after the renewal was sent (%v), want %v", got, context.Cause(ctx), lease)
			}
		})
	})
}
