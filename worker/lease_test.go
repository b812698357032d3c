package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// renewer answers Renew as a test tells it.
type renewer struct {
	Claims
	answer func([]tasks.Token) (tasks.Renewal, error)
	calls  atomic.Int64
}

func (r *renewer) Renew(_ context.Context, tokens []tasks.Token, _ time.Duration) (tasks.Renewal, error) {
	r.calls.Add(1)
	return r.answer(tokens)
}

func keptLease(t *testing.T, answer func([]tasks.Token) (tasks.Renewal, error)) (context.Context, *renewer, func()) {
	t.Helper()
	r := &renewer{answer: answer}
	g := newGate(func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
	l := newLeases(r, 10*time.Second, g)
	ctx, drop := l.keep(t.Context(), tasks.Token{Upload: uuid.New(), Claim: uuid.New()}, time.Now().Add(10*time.Second))
	return ctx, r, func() { drop(); l.close(); g.close() }
}

func TestLeaseIsRenewedWhileHeld(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, r, drop := keptLease(t, func([]tasks.Token) (tasks.Renewal, error) { return tasks.Renewal{}, nil })
		time.Sleep(time.Minute) // the bubble's clock: no time passes
		synctest.Wait()
		if ctx.Err() != nil {
			t.Errorf("a renewed lease ended: %v", context.Cause(ctx))
		}
		if n := r.calls.Load(); n != 30 {
			t.Errorf("%d renewals in a minute, want one every 2 s", n)
		}
		drop()
	})
}

func TestLeaseEndsWithTheClaim(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer func([]tasks.Token) (tasks.Renewal, error)
		within time.Duration
		want   error
	}{
		"claimed by another": {func(all []tasks.Token) (tasks.Renewal, error) { return tasks.Renewal{Lost: all}, nil }, 2 * time.Second, errLeaseLost},
		"to be canceled":     {func(all []tasks.Token) (tasks.Renewal, error) { return tasks.Renewal{Canceled: all}, nil }, 2 * time.Second, &tasks.Error{Code: tasks.Stopped}},
		"ledger away": {func([]tasks.Token) (tasks.Renewal, error) {
			return tasks.Renewal{}, &tasks.Error{Code: tasks.Unavailable}
		}, 10 * time.Second, errLeaseLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, _, drop := keptLease(t, tc.answer)
				time.Sleep(tc.within - time.Millisecond)
				synctest.Wait()
				if ctx.Err() != nil {
					t.Fatalf("ended early: %v", context.Cause(ctx))
				}
				time.Sleep(2 * time.Millisecond)
				synctest.Wait()
				cause := context.Cause(ctx)
				if !errors.Is(cause, tc.want) && tasks.CodeOf(cause) != tasks.CodeOf(tc.want) {
					t.Errorf("cause %v, want %v", cause, tc.want)
				}
				drop()
			})
		})
	}
}

// What hangs in a system call hears of no end: its lease must lapse all the same, so that another worker may try.
func TestAnEndedContextIsRenewedForATimeOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, r, drop := keptLease(t, func(all []tasks.Token) (tasks.Renewal, error) { return tasks.Renewal{Canceled: all}, nil })
		time.Sleep(24 * time.Hour) // the bubble's clock: no time passes
		synctest.Wait()
		if ctx.Err() == nil {
			t.Error("the context has not ended")
		}
		if n := r.calls.Load(); n < 10 || n > 20 {
			t.Errorf("%d renewals in a day, want some, to record the end, and no more", n)
		}
		drop()
	})
}

// The ledger counts the lease from when it heard of the claim, which is later than when it was asked.
func TestLeaseEndsBySentTimeOfTheClaim(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func(context.Context) error { return nil }, slog.New(slog.DiscardHandler))
		l := newLeases(&renewer{answer: func([]tasks.Token) (tasks.Renewal, error) {
			return tasks.Renewal{}, &tasks.Error{Code: tasks.Unavailable}
		}}, 10*time.Second, g)
		ctx, drop := l.keep(t.Context(), tasks.Token{}, time.Now().Add(3*time.Second))
		time.Sleep(3*time.Second + time.Millisecond)
		synctest.Wait()
		if !errors.Is(context.Cause(ctx), errLeaseLost) {
			t.Errorf("cause %v, want %v", context.Cause(ctx), errLeaseLost)
		}
		drop()
		l.close()
		g.close()
	})
}

// A result is kept for a ledger that is away, but not for much longer than this process is to run.
func TestAResultIsGivenUpAfterStop(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &Worker{stopped: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go w.giveUpAfterStop(ctx, cancel)
		time.Sleep(time.Hour)
		synctest.Wait()
		before := ctx.Err()
		w.Stop()
		time.Sleep(handBackTime - time.Second)
		synctest.Wait()
		if before != nil || ctx.Err() == nil {
			t.Errorf("before Stop: %v, within the time for handing back: %v", before, ctx.Err())
		}
	})
}

func TestGateLogsEachChangeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var lines countingHandler
		var away atomic.Bool
		away.Store(true)
		g := newGate(func(context.Context) error {
			if away.Load() {
				return errors.New("away")
			}
			return nil
		}, slog.New(&lines))
		for range 100 {
			g.shut(errors.New("disk full"))
		}
		waiting := make(chan error)
		go func() { waiting <- g.pass(t.Context()) }()
		time.Sleep(time.Minute)
		if isOpen(g) || lines.n.Load() != 1 {
			t.Errorf("open %v after %d lines, want shut after 1", isOpen(g), lines.n.Load())
		}
		away.Store(false)
		if err := <-waiting; err != nil {
			t.Error(err)
		}
		if !isOpen(g) || lines.n.Load() != 2 {
			t.Errorf("open %v after %d lines, want open after 2", isOpen(g), lines.n.Load())
		}
		g.close()
	})
}

type countingHandler struct {
	slog.Handler
	n atomic.Int64
}

func (h *countingHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h *countingHandler) Handle(context.Context, slog.Record) error {
	h.n.Add(1)
	return nil
}

func isOpen(g *gate) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.up
}
