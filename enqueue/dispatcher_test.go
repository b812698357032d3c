package enqueue

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// within is the promise: whatever happened, what is due is on the belt again by then.
const within = 15 * time.Second

// running starts a dispatcher in the bubble, and lets it get to rest.
func running(t *testing.T, l *fakeLedger, b *fakeBelt) (*Dispatcher, *notes) {
	t.Helper()
	n := &notes{}
	d := NewDispatcher(l, b)
	d.Log = n.logger()
	start(t, d)
	synctest.Wait()
	return d, n
}

// start runs d until the test ends or stop is called.
func start(t *testing.T, d *Dispatcher) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	ended := false
	stop = func() {
		if ended {
			return
		}
		ended = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// next is the task of the next generation of the same upload.
func next(task string) string {
	upload, generation, _ := strings.Cut(task, ".")
	n, _ := strconv.Atoi(generation)
	return taskOf(tasks.RunRef{Upload: uuid.MustParse(upload), Generation: n + 1})
}

// pass lets d of the bubble's time go by.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestDispatcherFillsTheWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(20_000), newFakeBelt()
		running(t, l, b)
		pass(time.Minute)
		if n := len(b.snapshot()); n != DefaultWindow().Bulk {
			t.Errorf("%d tasks are on the belt, want the window of %d", n, DefaultWindow().Bulk)
		}
	})
}

// What lies on the belt is bounded by what the workers can do: a newcomer must not wait behind all of the window.
func TestDispatcherTellsTheLedgerOfTheSlots(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		running(t, l, b)
		slots := func(when string, want int) {
			t.Helper()
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.window.BulkSlots != want || l.window.InteractiveSlots != want || l.window.Bulk != DefaultWindow().Bulk {
				t.Errorf("%s: window %+v, want %d slots", when, l.window, want)
			}
		}
		slots("without a worker", NewDispatcher(l, b).SlotsAhead)
		b.change(func(b *fakeBelt) { b.slots = 64 })
		pass(3 * time.Second)
		slots("with workers", 64)
		if l.mu.Lock(); l.window.ChunkMost != 8 {
			t.Errorf("chunks of %d, the smallest worker has 16 slots", l.window.ChunkMost)
		}
		l.mu.Unlock()
		b.change(func(b *fakeBelt) { b.away = true })
		pass(10 * time.Second)
		b.change(func(b *fakeBelt) { b.away, b.slots = false, 64 })
		pass(3 * time.Second)
		slots("after an outage", 64)
		b.change(func(b *fakeBelt) { b.slots = 0; b.life++ }) // the workers have yet to tell it again
		pass(3 * time.Second)
		slots("after the belt was lost", 64)
		pass(slotsLast)
		slots("of workers that never told again", NewDispatcher(l, b).SlotsAhead)
	})
}

func TestDispatcherStartsOverOnAWipedBelt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(500), newFakeBelt()
		_, log := running(t, l, b)
		pass(time.Second)
		before := b.snapshot()
		b.change(func(b *fakeBelt) { clear(b.tasks); b.life++ })
		pass(within)
		want := map[string]Place{}
		for at := range before {
			want[next(at)] = PlacePending
		}
		if diff := cmp.Diff(want, b.snapshot()); diff != "" {
			t.Errorf("on the belt after it was wiped (-want +got):\n%s", diff)
		}
		b.change(func(b *fakeBelt) {
			if b.renewed != 2 { // at the first sight of a belt, and now
				t.Errorf("the client was renewed %d times, want 2", b.renewed)
			}
		})
		want1 := []string{`level=WARN msg="redis has lost its tasks: they are sent again" count=500`}
		if diff := cmp.Diff(want1, log.lines()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestDispatcherReplacesSingleLostTasks(t *testing.T) {
	t.Parallel()
	tests := map[string]func(b *fakeBelt, at string){
		"gone":                    func(b *fakeBelt, at string) { delete(b.tasks, at) },
		"active without a claim":  func(b *fakeBelt, at string) { b.tasks[at] = PlaceActive },
		"held by a silent worker": func(b *fakeBelt, at string) { b.tasks[at] = PlaceSilent },
	}
	for name, lose := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, b := newFakeLedger(100), newFakeBelt()
				running(t, l, b)
				pass(7300 * time.Millisecond)
				var victim string
				b.change(func(b *fakeBelt) {
					for victim = range b.tasks {
						break
					}
					lose(b, victim)
				})
				want := b.snapshot()
				want[next(victim)] = PlacePending
				pass(within)
				if diff := cmp.Diff(want, b.snapshot()); diff != "" {
					t.Errorf("on the belt (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// A leader that is new knows nothing of what the one before it saw.
func TestDispatcherReplacesWhatASilentWorkerHolds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(1), newFakeBelt()
		stop := start(t, NewDispatcher(l, b))
		pass(3 * time.Second)
		b.change(func(b *fakeBelt) {
			for at := range b.tasks {
				b.tasks[at] = PlaceSilent
			}
		})
		stop()
		start(t, NewDispatcher(l, b))
		pass(2 * time.Second)
		if n := len(b.snapshot()); n != 2 {
			t.Errorf("%d tasks on the belt, want the lost one and its next generation", n)
		}
	})
}

func TestDispatcherNeverDoublesASlowBelt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(300), newFakeBelt()
		running(t, l, b)
		want := b.snapshot()
		pass(10 * time.Minute)
		if diff := cmp.Diff(want, b.snapshot()); diff != "" {
			t.Errorf("after ten minutes on a slow belt (-want +got):\n%s", diff)
		}
	})
}

func TestDispatcherTakesBackWhatDidNotArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(50), newFakeBelt()
		one, two := uuid.New(), uuid.New()
		l.deliveries = []tasks.DeliveryDispatch{{ID: one}, {ID: two}}
		want := map[tasks.DeliveryDispatch]int{{ID: one, Generation: 1}: 1, {ID: two, Generation: 1}: 1}
		b.room = 20
		_, log := running(t, l, b)
		if n := l.queueLength(); n != 30 {
			t.Errorf("%d uploads went back to the ledger, want 30", n)
		}
		b.change(func(b *fakeBelt) { b.away = true })
		pass(time.Minute)
		b.change(func(b *fakeBelt) { b.away, b.room = false, -1 })
		pass(within)
		if n := len(b.snapshot()); n != 50 {
			t.Errorf("%d tasks are on the belt, want 50", n)
		}
		b.change(func(b *fakeBelt) {
			if diff := cmp.Diff(want, b.deliveries); diff != "" {
				t.Errorf("deliveries on the belt (-want +got):\n%s", diff)
			}
		})
		if n := len(log.lines()); n != 2 {
			t.Errorf("%d log lines, want one for the outage and one for its end: %q", n, log.lines())
		}
	})
}

func TestDispatcherForgetsDeliveriesOfALostBelt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		one := uuid.New()
		l.deliveries = []tasks.DeliveryDispatch{{ID: one}}
		b.room = 0
		running(t, l, b)
		b.change(func(b *fakeBelt) { b.room = -1; b.life++ })
		pass(within)
		want := map[tasks.DeliveryDispatch]int{{ID: one, Generation: 2}: 1}
		b.change(func(b *fakeBelt) {
			if diff := cmp.Diff(want, b.deliveries); diff != "" {
				t.Errorf("deliveries on the belt (-want +got):\n%s", diff)
			}
		})
	})
}

func TestDispatcherGivesGraceWhenTheLedgerStoodStill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		running(t, l, b)
		pass(2 * time.Second)
		l.setStall(8 * time.Second)
		fell := time.Now().Add(time.Second) // the next call begins by then
		pass(2 * time.Second)
		l.setStall(0)
		pass(8 * time.Second) // the call that stood still ended within the last second
		back := time.Now()
		pass(8 * time.Second)
		if after, ok := l.judgedBehind(fell, back); ok {
			t.Errorf("leases that ran out meanwhile were judged %v after the ledger had stood still, want a grace of 10 s", after)
		}
		if !l.judged(back, time.Now(), fell) {
			t.Error("leases that had run out before were not judged")
		}
		pass(5 * time.Second)
		if _, ok := l.judgedBehind(fell, back); !ok {
			t.Error("leases that ran out meanwhile were never judged")
		}
	})
}

func TestDispatcherSitsOutTheLedger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		_, log := running(t, l, b)
		pass(time.Second)
		l.setAway(true)
		fell := time.Now()
		pass(time.Second)
		calls := l.callCount()
		pass(time.Minute)
		if n := l.callCount() - calls; n > 40 {
			t.Errorf("%d calls of an absent ledger in a minute", n)
		}
		l.setAway(false)
		back := time.Now()
		l.add(10)
		pass(within)
		if n := len(b.snapshot()); n != 10 {
			t.Errorf("%d tasks are on the belt, want 10", n)
		}
		early, ok := l.judgedBehind(fell, back)
		if !ok {
			t.Fatal("leases that ran out meanwhile were never judged")
		}
		if early < 10*time.Second {
			t.Errorf("leases that ran out meanwhile were judged %v after the ledger was back, want a grace of 10 s", early)
		}
		if !l.judged(back, back.Add(10*time.Second), fell) {
			t.Error("leases that had run out before were not judged")
		}
		if n := len(log.lines()); n != 2 {
			t.Errorf("%d log lines, want one for the outage and one for its end: %q", n, log.lines())
		}
	})
}

// Who had no time to renew a lease between two outages gets it after the second.
func TestDispatcherGivesTheWholeGraceAfterTwoOutages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		running(t, l, b)
		pass(time.Second)
		fell := time.Now()
		l.setAway(true)
		pass(30 * time.Second)
		l.setAway(false)
		pass(lastBackoff + time.Second)
		l.setAway(true)
		pass(30 * time.Second)
		l.setAway(false)
		back := time.Now()
		pass(time.Minute)
		if early, ok := l.judgedBehind(fell, back); !ok || early < 10*time.Second {
			t.Errorf("leases that ran out since the first outage were judged %v after the second (ever: %v), want a grace of 10 s", early, ok)
		}
	})
}

func TestDispatcherFollowsACrashedLeader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		l.noResign = true
		crash := start(t, NewDispatcher(l, b))
		synctest.Wait()
		start(t, NewDispatcher(l, b))
		pass(time.Minute)
		crash()
		l.add(5)
		pass(7 * time.Second)
		if n := len(b.snapshot()); n != 5 {
			t.Errorf("%d tasks are on the belt 7 s after the leader's crash, want 5", n)
		}
	})
}

func TestDispatcherResigns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		stop := start(t, NewDispatcher(l, b))
		synctest.Wait()
		start(t, NewDispatcher(l, b))
		pass(time.Minute)
		stop()
		l.add(5)
		pass(time.Second)
		if n := len(b.snapshot()); n != 5 {
			t.Errorf("%d tasks are on the belt a second after the leader left, want 5", n)
		}
	})
}

func TestDispatcherIsNudged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		d, _ := running(t, l, b)
		pass(time.Minute + 100*time.Millisecond)
		l.add(1)
		d.Nudge()
		d.Nudge() // never blocks
		synctest.Wait()
		if n := len(b.snapshot()); n != 1 {
			t.Errorf("%d tasks are on the belt right after the nudge, want 1", n)
		}
	})
}

func TestDispatcherIdlesQuietly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, b := newFakeLedger(0), newFakeBelt()
		running(t, l, b)
		pass(time.Minute)
		ledger, belt := l.callCount(), b.callCount()
		pass(time.Minute)
		if ledger, belt = l.callCount()-ledger, b.callCount()-belt; ledger > 360 || belt > 61 {
			t.Errorf("an idle minute made %d calls of the ledger and %d of Redis, want at most 6 and 1 a second", ledger, belt)
		}
	})
}
