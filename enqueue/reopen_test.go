package enqueue

import (
	"context"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// door leads to a ledger that can be closed, and opened again as another process would.
type door struct{ at atomic.Pointer[ledger.Ledger] }

func (d *door) ID() uuid.UUID { return d.at.Load().ID() }

func (d *door) Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error) {
	return d.at.Load().Lead(ctx, role, holder, ttl)
}

func (d *door) Resign(ctx context.Context, role, holder string) error {
	return d.at.Load().Resign(ctx, role, holder)
}

func (d *door) Mature(ctx context.Context, limit int) (int, error) {
	return d.at.Load().Mature(ctx, limit)
}

func (d *door) TakeOver(ctx context.Context, grace time.Duration, limit int) (int, error) {
	return d.at.Load().TakeOver(ctx, grace, limit)
}

func (d *door) Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Chunk, error) {
	return d.at.Load().Dispatch(ctx, w)
}

func (d *door) Undispatch(ctx context.Context, lost []tasks.Chunk) (int, error) {
	return d.at.Load().Undispatch(ctx, lost)
}

func (d *door) OnBelt(ctx context.Context, olderThan time.Duration, limit int) ([]tasks.Chunk, error) {
	return d.at.Load().OnBelt(ctx, olderThan, limit)
}

func (d *door) BeltEpoch(ctx context.Context) (string, error) { return d.at.Load().BeltEpoch(ctx) }

func (d *door) SetBeltEpoch(ctx context.Context, epoch string) error {
	return d.at.Load().SetBeltEpoch(ctx, epoch)
}

func (d *door) UndispatchAll(ctx context.Context) (int, error) { return d.at.Load().UndispatchAll(ctx) }

func (d *door) DispatchDeliveries(ctx context.Context, window int) ([]tasks.DeliveryDispatch, error) {
	return d.at.Load().DispatchDeliveries(ctx, window)
}

func TestAReopenedLedgerIsWorkedOn(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "ledger.db")
	d := &door{}
	open := func() {
		t.Helper()
		l, err := ledger.Open(t.Context(), url, ledger.Options{})
		if err != nil {
			t.Fatal(err)
		}
		d.at.Store(l)
	}
	closed := func() {
		t.Helper()
		if err := d.at.Load().Close(); err != nil {
			t.Fatal(err)
		}
	}
	open()
	t.Cleanup(closed) // after the dispatcher has ended
	c := embeddedRedis(t)
	log := &notes{}
	disp := NewDispatcher(d, NewBelt(c, ""))
	disp.Log = log.logger()
	start(t, disp)
	onBelt := func() int { return int(c.LLen(t.Context(), "asynq:{bulk}:pending").Val()) }
	submit := func(n int) {
		t.Helper()
		if _, err := (&Producer{Ledger: d.at.Load(), Nudge: disp.Nudge}).Submit(t.Context(), picture(n)); err != nil {
			t.Fatal(err)
		}
	}

	submit(1)
	taskstest.Until(t, "the first is dispatched", func() bool { return onBelt() == 1 })
	closed()
	taskstest.Until(t, "its absence is noticed", func() bool { return len(log.lines()) == 1 })
	open()
	submit(2)
	taskstest.Until(t, "the second is dispatched", func() bool { return onBelt() == 2 })
	lines := log.lines()
	if len(lines) != 2 || !strings.Contains(lines[0], "ledger is away") || !strings.Contains(lines[1], "ledger is back") {
		t.Errorf("log %q, want one line for the outage and one for its end", lines)
	}
}
