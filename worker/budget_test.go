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
			buf, err := b.take(t.Context(), "shop", size)
			if err != nil {
				t.Error(err)
				return
			}
			if int64(len(buf.file)) != size || len(buf.frame) != tasks.FrameBefore+int(size)+tasks.FrameAfter {
				t.Errorf("asked for %d bytes, got %d in %d", size, len(buf.file), len(buf.frame))
			}
			now := held.Add(size)
			for p := peak.Load(); now > p && !peak.CompareAndSwap(p, now); p = peak.Load() {
			}
			held.Add(-size)
			buf.release()
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
	buf, err := b.take(t.Context(), "shop", 5<<20)
	if err != nil || len(buf.file) != 5<<20 {
		t.Fatalf("got %+v, %v", buf, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.take(ended, "shop", 1); err == nil {
		t.Error("a second file came in beside it")
	}
	buf.release()
	if _, err := b.take(t.Context(), "shop", 1); err != nil {
		t.Error(err)
	}
}

// Memory that the transport may still read goes to no other file.
func TestHeldMemoryIsNotUsedAgain(t *testing.T) {
	t.Parallel()
	b := newBudget(1 << 20)
	for range 100 {
		held, err := b.take(t.Context(), "shop", 100)
		if err != nil {
			t.Fatal(err)
		}
		held.hold()
		held.release()
		next, err := b.take(t.Context(), "shop", 100)
		if err != nil {
			t.Fatal(err)
		}
		if &next.frame[0] == &held.frame[0] {
			t.Fatal("another file got it")
		}
		next.hold()
		next.release()
	}
	if b.free.used != 0 {
		t.Errorf("%d bytes were not given back", b.free.used)
	}
}

func TestInteractiveWorkHasItsOwnSlotsAndMemory(t *testing.T) {
	t.Parallel()
	l := newLanes(Config{Slots: 2, InteractiveSlots: 1, Memory: 8 << 20})
	for range 2*roomPerSlot - 1 {
		if _, err := l.bulk.enter(t.Context(), "shop", 1, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.bulk.budget.take(t.Context(), "shop", 7<<20); err != nil {
		t.Fatal(err)
	}
	leave, err := l.interactive.enter(t.Context(), "shop", 1, false)
	if err != nil {
		t.Fatal("bulk work holds the slots of interactive work")
	}
	if _, err := l.interactive.budget.take(t.Context(), "shop", 1<<20); err != nil {
		t.Fatal("bulk work holds the memory of interactive work")
	}
	leave(1)
}

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
		if _, err := l.of(p).enter(ended, "shop", 1, true); err == nil {
			t.Errorf("a %s upload came in beside it", p)
		}
	}
	leave()
	for _, p := range []tasks.Priority{tasks.Bulk, tasks.Interactive} {
		if _, err := l.of(p).enter(t.Context(), "shop", 1, false); err != nil {
			t.Errorf("a %s upload can't come in after it: %v", p, err)
		}
	}
	if _, err := l.enterAlone(ended); err == nil {
		t.Error("alone although others are in")
	}
}
