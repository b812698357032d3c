package enqueue

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

// attic is a ledger that has much to clear away.
type attic struct {
	*fakeLedger
	slow time.Duration // what a step of pruning takes
	mu   sync.Mutex
	atticState
}

// atticState is what is in an attic, and what was done with it.
type atticState struct {
	rows        int // to prune
	abandoned   int // batches to seal
	pruned      []int
	idle        time.Duration
	older       time.Duration
	checkpoints int
	apart       int // counts to add up
	leader      string
	leadEnds    time.Time
}

// state is a copy, for the test to read while the janitor goes on.
func (a *attic) state() atticState {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.atticState
	s.pruned = slices.Clone(a.pruned)
	a.fakeLedger.mu.Lock()
	defer a.fakeLedger.mu.Unlock()
	s.leader, s.leadEnds = a.fakeLedger.leader, a.fakeLedger.leadEnds
	return s
}

func (a *attic) SealAbandoned(_ context.Context, idle time.Duration) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(a.abandoned, abandonedStep)
	a.abandoned, a.idle = a.abandoned-n, idle
	return n, nil
}

func (a *attic) Prune(_ context.Context, older time.Duration, limit int) (int, error) {
	<-time.After(a.slow)
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(a.rows, limit)
	a.rows, a.older = a.rows-n, older
	a.pruned = append(a.pruned, n)
	return n, nil
}

func (a *attic) FoldCounts(context.Context) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(a.apart, 500)
	a.apart -= n
	return n, nil
}

func (a *attic) Checkpoint(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.checkpoints++
	return nil
}

func keep(t *testing.T, a *attic, holder string) (*notes, context.CancelFunc) {
	n := &notes{}
	j := NewJanitor(a)
	j.Retention, j.Holder, j.Log = 30*24*time.Hour, holder, n.logger()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- j.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return n, stop
}

func TestJanitorTidiesUpEveryMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &attic{fakeLedger: newFakeLedger(0), atticState: atticState{rows: 2*pruneStep + 1, abandoned: abandonedStep + 1, apart: 1001}}
		log, _ := keep(t, a, "one")
		pass(30 * time.Second)
		if diff := cmp.Diff([]int{pruneStep, pruneStep, 1, 0}, a.state().pruned); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if s := a.state(); s.idle != time.Hour || s.older != 30*24*time.Hour || s.abandoned != 0 || s.checkpoints != 1 || s.apart != 0 {
			t.Errorf("idle %v, older %v, %d batches left, %d checkpoints, %d counts apart", s.idle, s.older, s.abandoned, s.checkpoints, s.apart)
		}
		pass(3 * time.Minute)
		if a.state().checkpoints != 4 {
			t.Errorf("%d checkpoints in four minutes", a.state().checkpoints)
		}
		want := []string{
			`level=WARN msg="batches were abandoned by their producers: they are sealed as truncated" count=101`,
			`level=INFO msg="old records were deleted" count=401 older_than=720h0m0s`,
		}
		if diff := cmp.Diff(want, log.lines()); diff != "" {
			t.Errorf("log (-want +got):\n%s", diff)
		}
	})
}

func TestOneJanitorWorks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &attic{fakeLedger: newFakeLedger(0)}
		_, stop := keep(t, a, "one")
		pass(upkeepEvery - time.Second) // the other one asks just before this one does
		keep(t, a, "two")
		pass(3*time.Minute - time.Second)
		if s := a.state(); s.leader != "one" || s.checkpoints != 4 {
			t.Errorf("%q leads, with %d checkpoints in four minutes, want 4 of the first", s.leader, s.checkpoints)
		}
		stop()
		pass(30 * time.Second)
		if s := a.state(); s.leader != "two" || s.checkpoints != 5 {
			t.Errorf("%q leads, with %d checkpoints, after the other resigned", s.leader, s.checkpoints)
		}
	})
}

func TestAJanitorThatLostTheLeadStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &attic{fakeLedger: newFakeLedger(0), slow: 10 * time.Second, atticState: atticState{rows: 1 << 30}}
		keep(t, a, "one")
		pass(time.Minute)
		if s := a.state(); s.leader != "one" || !time.Now().Before(s.leadEnds) {
			t.Fatalf("it let its lead run out over a long work")
		}
		a.fakeLedger.mu.Lock()
		a.fakeLedger.leader, a.fakeLedger.leadEnds = "another", time.Now().Add(time.Hour)
		a.fakeLedger.mu.Unlock()
		pass(upkeepRenew + 2*a.slow)
		steps := len(a.state().pruned)
		pass(10 * time.Minute)
		if s := a.state(); len(s.pruned) != steps || s.checkpoints != 0 {
			t.Errorf("%d steps and %d checkpoints while another leads", len(s.pruned)-steps, s.checkpoints)
		}
	})
}

func TestJanitorSaysOnceThatTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &attic{fakeLedger: newFakeLedger(0)}
		a.setAway(true)
		log, _ := keep(t, a, "one")
		pass(5 * time.Minute)
		a.setAway(false)
		pass(5 * time.Minute)
		if lines := log.lines(); len(lines) != 2 {
			t.Errorf("log: %q", lines)
		}
		if a.state().checkpoints == 0 {
			t.Error("it did not go on")
		}
	})
}

func TestWithoutRetentionNothingIsDeleted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &attic{fakeLedger: newFakeLedger(0), atticState: atticState{rows: 1}}
		r := newUpkeep(NewJanitor(a))
		r.turn(t.Context())
		if s := a.state(); len(s.pruned) != 0 || s.checkpoints != 1 {
			t.Errorf("%d steps, %d checkpoints", len(s.pruned), s.checkpoints)
		}
	})
}

// TestJanitorOnALedger lets a month go by on a ledger whose batch was abandoned.
func TestJanitorOnALedger(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	l, err := ledger.Open(t.Context(), ledgertest.SQLite(t), ledger.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	b, _, err := l.OpenBatch(t.Context(), tasks.Batch{Producer: "crm"})
	if err != nil {
		t.Fatal(err)
	}
	rs, err := l.Accept(t.Context(), []tasks.Upload{
		{Producer: "crm", Batch: b.ID, Account: "shop", Type: tasks.Image, Source: "a.jpg"},
		{Producer: "crm", Account: "shop", Type: tasks.Image, Source: "b.jpg"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rs {
		if _, err := l.Cancel(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
	}
	j := NewJanitor(l)
	j.Retention = 24 * time.Hour
	turn := func() {
		if err := newUpkeep(j).tidy(t.Context()); err != nil {
			t.Error(err)
		}
	}
	now = now.Add(61 * time.Minute)
	turn()
	if got, err := l.Batch(t.Context(), b.ID); err != nil || got.State != tasks.BatchComplete || !got.Truncated {
		t.Errorf("an hour later the batch is %+v (%v)", got, err)
	}
	now = now.Add(24 * time.Hour)
	turn()
	for _, r := range rs {
		if _, err := l.Outcome(t.Context(), r.ID); tasks.CodeOf(err) != tasks.NotFound {
			t.Errorf("a day later: %v", err)
		}
	}
}
