package worker

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestBudgetIsNeverOverdrawn(t *testing.T) {
	t.Parallel()
	const total = 1 << 20
	b := newBudget(total)
	var held, peak atomic.Int64
	var takers sync.WaitGroup
	for i := range 64 {
		takers.Go(func() {
			size := int64(1 + i*5000)
			buf, release, err := b.take(t.Context(), "shop", size)
			if err != nil {
				t.Error(err)
				return
			}
			if int64(len(buf)) != size {
				t.Errorf("asked for %d bytes, got %d", size, len(buf))
			}
			now := held.Add(size)
			for p := peak.Load(); now > p && !peak.CompareAndSwap(p, now); p = peak.Load() {
			}
			held.Add(-size)
			release()
		})
	}
	takers.Wait()
	if p := peak.Load(); p > total {
		t.Errorf("%d bytes were held at once, the budget is %d", p, total)
	}
	if b.free.used != 0 {
		t.Errorf("%d bytes were not given back", b.free.used)
	}
}

func TestBudgetLetsOneLargeFileThrough(t *testing.T) {
	t.Parallel()
	b := newBudget(1 << 20)
	buf, release, err := b.take(t.Context(), "shop", 5<<20)
	if err != nil || len(buf) != 5<<20 {
		t.Fatalf("got %d bytes, %v", len(buf), err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.take(ended, "shop", 1); err == nil {
		t.Error("a second file came in beside it")
	}
	release()
	if _, _, err := b.take(t.Context(), "shop", 1); err != nil {
		t.Error(err)
	}
}

func TestInteractiveWorkHasItsOwnSlotsAndMemory(t *testing.T) {
	t.Parallel()
	l := newLanes(Config{Slots: 2, InteractiveSlots: 1, Memory: 8 << 20})
	for range 2 * tasks.TasksPerSlot {
		if _, err := l.enter(t.Context(), of(tasks.Bulk)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := l.bulk.budget.take(t.Context(), "shop", 7<<20); err != nil {
		t.Fatal(err)
	}
	leave, err := l.enter(t.Context(), of(tasks.Interactive))
	if err != nil {
		t.Fatal("bulk work holds the slots of interactive work")
	}
	if _, _, err := l.interactive.budget.take(t.Context(), "shop", 1<<20); err != nil {
		t.Fatal("bulk work holds the memory of interactive work")
	}
	leave()
}

func of(p tasks.Priority) tasks.Claim { return tasks.Claim{Upload: tasks.Upload{Priority: p}} }

func TestAloneMeansAlone(t *testing.T) {
	t.Parallel()
	l := newLanes(Config{Slots: 4, InteractiveSlots: 2, Memory: 8 << 20})
	leave, err := l.enterAlone(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, p := range []tasks.Priority{tasks.Bulk, tasks.Interactive} {
		if _, err := l.enter(ended, of(p)); err == nil {
			t.Errorf("a %s upload came in beside it", p)
		}
	}
	leave()
	for _, p := range []tasks.Priority{tasks.Bulk, tasks.Interactive} {
		if _, err := l.enter(t.Context(), of(p)); err != nil {
			t.Errorf("a %s upload can't come in after it: %v", p, err)
		}
	}
	if _, err := l.enterAlone(ended); err == nil {
		t.Error("alone although others are in")
	}
}
