package enqueue

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// stage is a real ledger whose clock goes on when it is told to, with uploads that somebody has canceled.
type stage struct {
	*testing.T
	*ledger.Ledger
	ahead atomic.Int64
	ids   []uuid.UUID
}

func newStage(t *testing.T, canceled int) *stage {
	t.Helper()
	s := &stage{T: t}
	now := time.Now()
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db"), ledger.Options{
		Now: func() time.Time { return now.Add(time.Duration(s.ahead.Load())) },
	})
	s.must(err)
	s.Ledger = l
	t.Cleanup(func() { l.Close() })
	s.ids = s.submit(canceled)
	_, err = NewActor(l).Carry(t.Context(), tasks.Action{Kind: tasks.ActionCancel, Choice: tasks.ChoiceOf(tasks.Filter{})}, func(tasks.Action, []tasks.Taken) {})
	s.must(err)
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) submit(n int) []uuid.UUID {
	s.Helper()
	us := make([]tasks.Upload, n)
	for i := range us {
		us[i] = picture(i)
		us[i].Producer, us[i].Account = "shop", "default"
	}
	rs, err := s.Accept(s.Context(), us)
	s.must(err)
	ids := make([]uuid.UUID, n)
	for i, r := range rs {
		ids[i] = r.ID
	}
	return ids
}

// rounds says how many of the uploads are in which round.
func (s *stage) rounds() map[int]int {
	s.Helper()
	os, err := s.Outcomes(s.Context(), s.ids)
	s.must(err)
	rounds := map[int]int{}
	for _, o := range os {
		rounds[o.Round]++
	}
	return rounds
}

func (s *stage) wantRounds(want map[int]int) {
	s.Helper()
	if d := cmp.Diff(want, s.rounds()); d != "" {
		s.Errorf("uploads by round: %s", d)
	}
}

// retryCanceled is an action that retries what was canceled.
func retryCanceled() tasks.Action {
	return tasks.Action{Kind: tasks.ActionRetry, By: "li@desk", Choice: tasks.ChoiceOf(tasks.Filter{States: []tasks.State{tasks.Canceled}})}
}

// watched counts the actions that another process might work on, before each page.
type watched struct {
	*stage
	open int
}

// List looks what another process sees.
func (w *watched) List(ctx context.Context, f tasks.Filter) ([]tasks.Outcome, string, error) {
	page, err := w.OpenActions(ctx, "another", uuid.Nil, 10)
	w.must(err)
	w.open += len(page)
	return w.Ledger.List(ctx, f)
}

func TestActionGoesToItsEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2*actionPage+50)
	w := &watched{stage: s}
	x := NewActor(w)
	nudges := 0
	x.Nudge = func() { nudges++ }
	var late, repeated []uuid.UUID
	var progress []int
	a, err := x.Carry(t.Context(), retryCanceled(), func(now tasks.Action, taken []tasks.Taken) {
		progress = append(progress, now.Done)
		if late != nil {
			return
		}
		late = s.submit(1) // what comes later, and what was taken already and ends again, are behind the action
		repeated = []uuid.UUID{taken[0].ID}
		for _, id := range append(late, repeated...) {
			_, err := s.Cancel(t.Context(), id)
			s.must(err)
		}
	})
	s.must(err)
	if a.State != tasks.ActionDone || a.Done != len(s.ids) || len(a.Left) > 0 || nudges != 3 || w.open > 0 {
		t.Errorf("%+v with %d nudges; it was open to others %d times", a, nudges, w.open)
	}
	if d := cmp.Diff([]int{actionPage, 2 * actionPage, len(s.ids)}, progress); d != "" {
		t.Errorf("progress: %s", d)
	}
	s.wantRounds(map[int]int{2: len(s.ids)})
	for _, id := range append(late, repeated...) {
		if o, err := s.Outcome(t.Context(), id); err != nil || o.State != tasks.Canceled {
			t.Errorf("%s in round %d (%v)", o.State, o.Round, err)
		}
	}
}

func TestStoppedActionLeavesTheRest(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(s *stage, interrupt func(), id uuid.UUID){
		"by its own process":  func(_ *stage, interrupt func(), _ uuid.UUID) { interrupt() },
		"from somewhere else": func(s *stage, _ func(), id uuid.UUID) { _, err := s.StopAction(s.Context(), id); s.must(err) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, actionPage+50)
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			a, err := NewActor(s).Carry(ctx, retryCanceled(), func(now tasks.Action, _ []tasks.Taken) { stop(s, interrupt, now.ID) })
			s.must(err)
			if a.State != tasks.ActionStopped || a.Done != actionPage || a.Ended.IsZero() {
				t.Errorf("%+v", a)
			}
			s.wantRounds(map[int]int{1: 50, 2: actionPage})
			s.ahead.Add(int64(time.Hour)) // nobody goes on with it
			if moved, err := NewActor(s).turn(t.Context()); moved || err != nil {
				t.Errorf("moved: %v, %v", moved, err)
			}
			s.wantRounds(map[int]int{1: 50, 2: actionPage})
		})
	}
}

// A process begins an action, does a page of it, and is never heard of again; or it is, too late.
func TestAnotherProcessGoesOnWithAnAction(t *testing.T) {
	t.Parallel()
	s := newStage(t, 2*actionPage)
	dead, heir := NewActor(s), NewActor(s)
	a, err := s.BeginAction(t.Context(), retryCanceled(), dead.Holder, actionLease)
	s.must(err)
	a, _, err = dead.step(t.Context(), a)
	s.must(err)
	s.wantRounds(map[int]int{1: actionPage, 2: actionPage})
	if moved, err := heir.turn(t.Context()); moved || err != nil {
		t.Errorf("it went on before the lease was over: %v, %v", moved, err)
	}
	s.ahead.Add(int64(actionLease))
	if moved, err := heir.turn(t.Context()); !moved || err != nil {
		t.Errorf("it did not go on: %v, %v", moved, err)
	}
	if _, taken, err := dead.step(t.Context(), a); !errors.Is(err, tasks.ErrFenced) || len(taken) > 0 {
		t.Errorf("the late one took %d (%v)", len(taken), err)
	}
	for moved := true; moved; {
		moved, err = heir.turn(t.Context())
		s.must(err)
	}
	if a, err := s.Action(t.Context(), a.ID); err != nil || a.State != tasks.ActionDone || a.Done != 2*actionPage {
		t.Errorf("%+v, %v", a, err)
	}
	s.wantRounds(map[int]int{2: 2 * actionPage})
}

// A process that begins an action and stands still until another one took over waits for its end.
func TestCarryWaitsForWhoeverTookOver(t *testing.T) {
	t.Parallel()
	s := newStage(t, actionPage+1)
	heir := NewActor(s)
	a, err := NewActor(s).Carry(t.Context(), retryCanceled(), func(tasks.Action, []tasks.Taken) {
		s.ahead.Add(int64(actionLease))
		_, err := heir.turn(t.Context())
		s.must(err)
	})
	s.must(err)
	if a.State != tasks.ActionDone || a.Done != actionPage+1 {
		t.Errorf("%+v", a)
	}
}

// holders notes who did steps of which action.
type holders struct {
	*stage
	mu sync.Mutex
	of map[uuid.UUID]map[string]int
}

// RunActionStep notes who did it.
func (h *holders) RunActionStep(ctx context.Context, s tasks.ActionStep) (tasks.Action, []tasks.Taken, error) {
	a, taken, err := h.Ledger.RunActionStep(ctx, s)
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil {
		if h.of[s.Action] == nil {
			h.of[s.Action] = map[string]int{}
		}
		h.of[s.Action][s.Holder]++
	}
	return a, taken, err
}

func TestTwoProcessesNeverWorkOneAction(t *testing.T) {
	t.Parallel()
	const actions = 6
	h := &holders{stage: newStage(t, 2*actionPage), of: map[uuid.UUID]map[string]int{}}
	ctx, stop := context.WithCancel(t.Context())
	var crew sync.WaitGroup
	crews := []*Actor{NewActor(h), NewActor(h), NewActor(h)}
	for _, x := range crews {
		crew.Go(func() { _ = x.Run(ctx) })
	}
	for range actions {
		_, err := crews[0].Begin(t.Context(), retryCanceled())
		h.must(err)
		crews[1].Wake()
		crews[2].Wake()
	}
	taskstest.Until(t, "all actions end", func() bool {
		page, _, err := h.Actions(t.Context(), tasks.ActionFilter{})
		h.must(err)
		return !slices.ContainsFunc(page, func(a tasks.Action) bool { return a.State == tasks.ActionRunning })
	})
	stop()
	crew.Wait()
	for id, by := range h.of {
		if len(by) != 1 {
			t.Errorf("action %s was worked on by %v", id, by)
		}
	}
	if len(h.of) != actions {
		t.Errorf("%d actions were worked on", len(h.of))
	}
	h.wantRounds(map[int]int{2: len(h.ids)})
}

// crowd is a ledger with any number of failed uploads, which it makes up as they are asked for.
type crowd struct {
	ActorLedger
	mu      sync.Mutex
	size    int
	actions []tasks.Action
	largest int // of all pages
	steps   int
	away    bool
}

func (c *crowd) OpenActions(context.Context, string, uuid.UUID, int) ([]tasks.Action, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away {
		return nil, errAway
	}
	return slices.DeleteFunc(slices.Clone(c.actions), func(a tasks.Action) bool { return a.State != tasks.ActionRunning }), nil
}

func (c *crowd) BeginAction(_ context.Context, a tasks.Action, _ string, _ time.Duration) (tasks.Action, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.ID, a.State, a.Cursor = uuid.New(), tasks.ActionRunning, "more"
	c.actions = append(c.actions, a)
	return a, nil
}

func (c *crowd) List(_ context.Context, f tasks.Filter) ([]tasks.Outcome, string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := min(c.size, f.Limit)
	c.size -= n
	page := make([]tasks.Outcome, n)
	for i := range page {
		page[i] = tasks.Outcome{State: tasks.Failed}
	}
	if c.size == 0 {
		return page, "", nil
	}
	return page, uuid.NewString(), nil
}

func (c *crowd) RunActionStep(_ context.Context, s tasks.ActionStep) (tasks.Action, []tasks.Taken, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps++
	c.largest = max(c.largest, len(s.Uploads))
	i := slices.IndexFunc(c.actions, func(a tasks.Action) bool { return a.ID == s.Action })
	a := &c.actions[i]
	a.Done += len(s.Uploads)
	if a.Cursor = s.To; s.To == "" {
		a.State = tasks.ActionDone
	}
	return *a, nil, nil
}

func (c *crowd) change(f func(c *crowd)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c)
}

func TestMillionUploadsGoPageByPage(t *testing.T) {
	t.Parallel()
	const size = 1_000_000
	c := &crowd{size: size}
	seen := 0
	a, err := NewActor(c).Carry(t.Context(), retryCanceled(), func(now tasks.Action, _ []tasks.Taken) {
		if now.Done <= seen || now.Done > seen+actionPage {
			t.Fatalf("from %d to %d in one step", seen, now.Done)
		}
		seen = now.Done
	})
	if err != nil || a.Done != size || c.largest > actionPage || c.steps != size/actionPage {
		t.Errorf("%+v in %d steps of up to %d (%v)", a, c.steps, c.largest, err)
	}
}

// An action that this program does not understand, and one whose producer has spent its minute, let the others go on.
func TestActionsTakeTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{size: 5 * actionPage}
		x := NewActor(c)
		strange, slow := retryCanceled(), retryCanceled()
		strange.Choice = json.RawMessage(`{"mood":"glad"}`)
		slow.RatePerMinute = 6
		for _, a := range []tasks.Action{strange, slow, retryCanceled()} {
			if _, err := x.Begin(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		log := &notes{}
		x.Log = log.logger()
		ended := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		go func() { ended <- x.Run(ctx) }()
		pass(time.Second)
		c.change(func(c *crowd) {
			done := map[int]tasks.ActionState{}
			for _, a := range c.actions {
				done[a.Done] = a.State
			}
			want := map[int]tasks.ActionState{0: tasks.ActionRunning, 6: tasks.ActionRunning, 5*actionPage - 6: tasks.ActionDone}
			if d := cmp.Diff(want, done); d != "" {
				t.Error(d)
			}
			c.size = 1
		})
		pass(21 * time.Second)
		c.change(func(c *crowd) {
			if a := c.actions[1]; a.Done != 7 || a.State != tasks.ActionDone {
				t.Errorf("the slow one: %+v", a)
			}
		})
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if lines := log.lines(); len(lines) != 3 {
			t.Errorf("log: %q", lines)
		}
	})
}

func TestActorSaysOnceThatTheLedgerIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &crowd{size: 1, away: true}
		x := NewActor(c)
		log := &notes{}
		x.Log = log.logger()
		ended := make(chan error)
		ctx, stop := context.WithCancel(t.Context())
		go func() { ended <- x.Run(ctx) }()
		pass(time.Minute)
		c.change(func(c *crowd) { c.away = false })
		if _, err := x.Begin(t.Context(), retryCanceled()); err != nil {
			t.Fatal(err)
		}
		pass(actionsEvery)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if lines := log.lines(); len(lines) != 3 || c.actions[0].State != tasks.ActionDone {
			t.Errorf("%+v, log: %q", c.actions[0], lines)
		}
	})
}

// counted is a ledger whose counts take more than half of the time that a preview has.
type counted struct {
	ActorLedger
	now, most atomic.Int32 // that go on at once
}

// Count takes its time.
func (c *counted) Count(context.Context, tasks.Filter) ([]tasks.Count, error) {
	c.most.Store(max(c.most.Load(), c.now.Add(1)))
	<-time.After(previewTime * 2 / 3)
	c.now.Add(-1)
	return nil, nil
}

func TestOnePreviewIsCountedAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &counted{}
		x := NewActor(c)
		var late atomic.Int32
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() {
				if _, err := x.Preview(t.Context(), retryCanceled()); tasks.CodeOf(err) == tasks.TooMany {
					late.Add(1)
				}
			})
		}
		all.Wait()
		if c.most.Load() != 1 || late.Load() != 3 {
			t.Errorf("%d were counted at once, want 1, and %d waited in vain, want 3", c.most.Load(), late.Load())
		}
	})
}

func TestPreviewOfAnAction(t *testing.T) {
	t.Parallel()
	s := newStage(t, 3)
	s.submit(2)
	ds, err := s.Dispatch(t.Context(), tasks.Window{Bulk: 1})
	s.must(err)
	_, err = s.Claim(t.Context(), tasks.NewBids(ds[0].Runs), "w", time.Minute)
	s.must(err)
	x := NewActor(s)
	all := tasks.ChoiceOf(tasks.Filter{})
	for kind, want := range map[tasks.ActionKind]Preview{
		tasks.ActionRetry:  {Matched: 5, Can: 3, Left: map[string]int{"queued": 1, "running": 1}, Calls: map[string]int{"default": 3}},
		tasks.ActionCancel: {Matched: 5, Can: 2, Running: 1, Left: map[string]int{"canceled": 3}, Calls: map[string]int{}},
	} {
		got, err := x.Preview(t.Context(), tasks.Action{Kind: kind, Choice: all})
		s.must(err)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", kind, d)
		}
	}
	if p, err := x.Preview(t.Context(), tasks.Action{Kind: tasks.ActionRetry, Producer: "rival", Choice: all}); err != nil || p.Matched != 0 {
		t.Errorf("a rival is told of %+v (%v)", p, err)
	}
	if keys := slices.Collect(maps.Keys(s.rounds())); len(keys) != 1 {
		t.Errorf("the preview did something: rounds %v", keys)
	}
}

// A cancel of many ends that media are kept alive, too, and leaves what is not kept alone.
func TestCancelOfManyEndsKeeps(t *testing.T) {
	t.Parallel()
	s := newStage(t, 0)
	kept := picture(1)
	kept.Producer, kept.Account, kept.KeepFreshUntil = "shop", "default", time.Now().Add(100*time.Hour)
	_, err := s.Accept(t.Context(), []tasks.Upload{kept})
	s.must(err)
	s.submit(1)
	ds, err := s.Dispatch(t.Context(), tasks.Window{Bulk: 2})
	s.must(err)
	for _, d := range ds {
		cs, err := s.Claim(t.Context(), tasks.NewBids(d.Runs), "w", time.Minute)
		s.must(err)
		for _, c := range cs {
			m := tasks.Media{ID: "M" + c.ID.String(), IssuedAt: time.Now(), ExpiresAt: time.Now().Add(72 * time.Hour)}
			s.must(s.Finish(t.Context(), c.Token, tasks.Result{State: tasks.Succeeded, Media: m, Key: tasks.MediaKey{Realm: "r", AppID: "a", Type: tasks.Image, Hash: tasks.HashOf([]byte(m.ID))}}))
		}
	}
	s.submit(3)
	x := NewActor(s)
	a := tasks.Action{Kind: tasks.ActionCancel, By: "li@desk", Choice: tasks.ChoiceOf(tasks.Filter{})}
	got, err := x.Preview(t.Context(), a)
	s.must(err)
	if d := cmp.Diff(Preview{Matched: 5, Can: 4, Kept: 1, Left: map[string]int{"succeeded": 1}, Calls: map[string]int{}}, got); d != "" {
		t.Errorf("preview: %s", d)
	}
	states := map[tasks.State]int{}
	a, err = x.Carry(t.Context(), a, func(_ tasks.Action, taken []tasks.Taken) {
		for _, u := range taken {
			states[u.State]++
		}
	})
	s.must(err)
	if d := cmp.Diff(map[tasks.State]int{tasks.Canceled: 3, tasks.Succeeded: 1}, states); d != "" || a.Done != 4 || a.Left["succeeded"] != 1 {
		t.Errorf("%+v: %s", a, d)
	}
	if got, err = x.Preview(t.Context(), a); err != nil || got.Can != 0 {
		t.Errorf("another one would do %+v (%v)", got, err)
	}
}
