package worker_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker"
)

// lossy is a ledger whose answers get lost on the way, after they were committed.
type lossy struct {
	*ledger.Ledger
	lost int
}

func (l *lossy) Claim(ctx context.Context, bids []tasks.Bid, worker string, lease time.Duration) ([]tasks.Claim, error) {
	claims, err := l.Ledger.Claim(ctx, bids, worker, lease)
	if l.lost++; l.lost == 1 && err == nil {
		return nil, &tasks.Error{Code: tasks.Unavailable, Op: "claim", Err: errors.New("the answer to COMMIT was lost")}
	}
	return claims, err
}

// The claim was made, so nobody else can have the upload: where it could not be asked for again, its lease would have to
// run out, and the upload would be blamed for a death.
func TestALostAnswerToAClaimCostsNothing(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	l := &lossy{Ledger: s.ledger}
	s.hire(l)
	ids := []uuid.UUID{s.submit(tasks.Upload{Source: "a.jpg"}), s.submit(tasks.Upload{Source: "b.jpg"})}
	s.turn()
	for _, id := range ids {
		s.want(id, tasks.Succeeded, "", 1)
	}
	if l.lost != 3 || s.calls != 2 {
		t.Errorf("%d claims and %d calls, want 3 and 2", l.lost, s.calls)
	}
}

// carryAll carries all that is dispatched of each account as one chunk, as the belt would bring it, and all chunks at once.
func (s *shop) carryAll() {
	s.t.Helper()
	chunks, err := s.ledger.Dispatch(s.t.Context(), tasks.Window{Bulk: 100})
	if err != nil {
		s.t.Fatal(err)
	}
	byAccount := map[string]tasks.Chunk{}
	for _, c := range chunks {
		all := byAccount[c.Account]
		all.Account, all.Runs = c.Account, append(all.Runs, c.Runs...)
		byAccount[c.Account] = all
	}
	var carried sync.WaitGroup
	for _, c := range byAccount {
		carried.Go(func() {
			if err := s.worker.Carry(s.t.Context(), s.payload(c)); err != nil {
				s.t.Error(err)
			}
		})
	}
	carried.Wait()
}

// submitN accepts n uploads of an account, of files that are named by their number and end.
func (s *shop) submitN(n int, account, end string) []uuid.UUID {
	s.t.Helper()
	ids := make([]uuid.UUID, n)
	for i := range ids {
		ids[i] = s.submit(tasks.Upload{Account: account, Source: fmt.Sprint(i, end)})
	}
	return ids
}

// states counts the uploads by state.
func (s *shop) states(ids []uuid.UUID) map[tasks.State]int {
	s.t.Helper()
	n := map[tasks.State]int{}
	for _, id := range ids {
		n[s.outcome(id).State]++
	}
	return n
}

// slots changes the worker's slots, for a shop whose worker has not begun.
func (s *shop) slots(n int) {
	s.change = func(c *worker.Config) { c.Slots = n }
	s.hire(s.ledger)
}

func TestASlowNeighbourDelaysNoOutcome(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.slots(16)
	ids := s.submitN(16, "", ".jpg")
	slow := make(chan struct{})
	s.upload = func(_ context.Context, p tasks.Payload) (tasks.Media, error) {
		if string(p.Body) == "content of 3.jpg" {
			<-slow
		}
		return media(), nil
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.carryAll()
	}()
	for i, id := range ids {
		taskstest.Until(t, "the others are recorded", func() bool { return i == 3 || s.outcome(id).State == tasks.Succeeded })
	}
	s.want(ids[3], tasks.Running, "", 0)
	select {
	case <-done:
		t.Error("the task has ended before its last upload")
	default:
	}
	close(slow)
	<-done
	s.want(ids[3], tasks.Succeeded, "", 1)
}

// An account whose calls are slow must not keep a quick one from being served, by room, slots or memory.
func TestAnAccountWithSlowCallsHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	quick := tasks.Account{Name: "quick", Realm: "sandbox", AppID: "wx2", Fingerprint: "f"}
	s := newShop(t, account, quick)
	release := make(chan struct{})
	s.upload = func(_ context.Context, p tasks.Payload) (tasks.Media, error) {
		if p.Body[len(p.Body)-1] == 's' {
			<-release
		}
		return media(), nil
	}
	slow := s.submitN(8, "", ".slows")
	var carried sync.WaitGroup
	carried.Go(s.carryAll)
	taskstest.Until(t, "slow calls hold all slots", func() bool { return s.callCount() == 4 })
	taskstest.Until(t, "what has no room is ready again", func() bool { return s.states(slow)[tasks.Queued] == 2 })
	if err := s.cancel(slow[6:]...); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		quicks := s.submitN(2, quick.Name, fmt.Sprint(".", i, ".jpg"))
		s.carryAll()
		for _, id := range quicks {
			s.want(id, tasks.Succeeded, "", 1)
		}
	}
	close(release)
	carried.Wait()
	if n := s.states(slow)[tasks.Succeeded]; n != 6 {
		t.Errorf("%d of the slow ones succeeded, want 6", n)
	}
}

func (s *shop) cancel(ids ...uuid.UUID) error {
	for _, id := range ids {
		if _, err := s.ledger.Cancel(s.t.Context(), id); err != nil {
			return err
		}
	}
	return nil
}

// A worker claims two uploads for each slot at most. What has no room goes back before anything is claimed.
func TestAWorkerNeverHoldsMoreThanTwoUploadsForASlot(t *testing.T) {
	t.Parallel()
	others := []tasks.Account{account}
	for _, name := range []string{"a", "b", "c"} {
		others = append(others, tasks.Account{Name: name, Realm: "sandbox", AppID: "wx" + name, Fingerprint: "f"})
	}
	for _, slots := range []int{1, 4, 8} {
		t.Run(fmt.Sprint(slots), func(t *testing.T) {
			t.Parallel()
			s := newShop(t, others...)
			s.slots(slots)
			release := make(chan struct{})
			s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
				<-release
				return media(), nil
			}
			var ids []uuid.UUID
			for _, a := range others {
				ids = append(ids, s.submitN(tasks.MaxChunk, a.Name, "."+a.Name)...)
			}
			var carried sync.WaitGroup
			carried.Go(s.carryAll)
			taskstest.Until(t, "the worker is full", func() bool { return s.callCount() >= slots })
			if n := s.states(ids)[tasks.Running]; n > 2*slots {
				t.Errorf("%d are running in %d slots", n, slots)
			}
			close(release)
			carried.Wait()
			for s.states(ids)[tasks.Succeeded] < len(ids) {
				s.carryAll()
			}
			for _, id := range ids {
				s.want(id, tasks.Succeeded, "", 1)
			}
		})
	}
}

// Each of them is as large as all memory, and all of them are claimed: they go through one by one.
func TestAChunkThatIsLargerThanTheMemoryGoesThrough(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	const memory = 1 << 20
	s.change = func(c *worker.Config) { c.Slots, c.Memory = 16, memory }
	s.hire(s.ledger)
	s.files = func(source string) (tasks.File, error) {
		return fileOf(strings.Repeat(source, memory/len(source))), nil
	}
	var now, most atomic.Int32
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		return media(), nil
	}
	ids := s.submitN(16, "", ".jpg")
	s.carryAll()
	for _, id := range ids {
		s.want(id, tasks.Succeeded, "", 1)
	}
	if n := most.Load(); n != 1 {
		t.Errorf("%d files were held at once in memory for one", n)
	}
}

// Cancel, a lost lease and a failure each end one upload of a chunk, and leave its neighbours alone.
func TestMembersOfAChunkEndAlone(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.change = func(c *worker.Config) { c.Slots = 16 }
	l := &witness{Ledger: s.ledger, tokens: map[uuid.UUID]tasks.Token{}}
	s.hire(l)
	ids := s.submitN(16, "", ".jpg")
	const canceled, lost, failed = 2, 5, 9
	release := make(chan struct{})
	s.upload = func(ctx context.Context, p tasks.Payload) (tasks.Media, error) {
		switch string(p.Body) {
		case fmt.Sprintf("content of %d.jpg", canceled), fmt.Sprintf("content of %d.jpg", lost):
			<-ctx.Done()
			return tasks.Media{}, &tasks.Error{Code: tasks.Temporary, Err: ctx.Err()}
		case fmt.Sprintf("content of %d.jpg", failed):
			return tasks.Media{}, wechatError(tasks.Rejected, 40004)
		}
		<-release
		return media(), nil
	}
	var carried sync.WaitGroup
	carried.Go(s.carryAll)
	taskstest.Until(t, "all are sent", func() bool { return s.callCount() == 16 })
	if err := errors.Join(s.cancel(ids[canceled]), l.takeAway(t.Context(), ids[lost])); err != nil {
		t.Fatal(err)
	}
	taskstest.Until(t, "two have ended", func() bool {
		return s.outcome(ids[canceled]).State == tasks.Canceled && s.outcome(ids[failed]).State == tasks.Failed
	})
	close(release)
	carried.Wait()
	for i, id := range ids {
		switch i {
		case canceled:
			s.want(id, tasks.Canceled, tasks.Stopped, 0)
		case lost:
			s.want(id, tasks.Queued, "", 0)
		case failed:
			s.want(id, tasks.Failed, tasks.Rejected, 1)
		default:
			s.want(id, tasks.Succeeded, "", 1)
		}
	}
}

// witness is a ledger that remembers the claims it granted.
type witness struct {
	*ledger.Ledger
	mu     sync.Mutex
	tokens map[uuid.UUID]tasks.Token
}

func (w *witness) Claim(ctx context.Context, bids []tasks.Bid, worker string, lease time.Duration) ([]tasks.Claim, error) {
	claims, err := w.Ledger.Claim(ctx, bids, worker, lease)
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range claims {
		w.tokens[c.ID] = c.Token
	}
	return claims, err
}

// takeAway ends the claim of an upload behind its worker's back.
func (w *witness) takeAway(ctx context.Context, id uuid.UUID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.HandBack(ctx, w.tokens[id], 0, nil)
}

// While it drains, a worker lets the calls under way end. What it has not sent goes back, what it has not claimed as well.
func TestDrainHandsTheUnsentRestBack(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.slots(4)
	release := make(chan struct{})
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		<-release
		return media(), nil
	}
	ids := s.submitN(12, "", ".jpg")
	chunks, err := s.ledger.Dispatch(t.Context(), tasks.Window{Bulk: 100})
	if err != nil {
		t.Fatal(err)
	}
	var carried sync.WaitGroup
	for i := range 2 { // the first has room for all six, the second waits for some
		var c tasks.Chunk
		for _, d := range chunks[6*i : 6*i+6] {
			c.Account, c.Runs = d.Account, append(c.Runs, d.Runs...)
		}
		carried.Go(func() {
			if err := s.worker.Carry(t.Context(), s.payload(c)); err != nil {
				t.Error(err)
			}
		})
	}
	taskstest.Until(t, "the slots are full", func() bool { return s.callCount() == 4 && s.states(ids)[tasks.Running] == 6 })
	s.worker.Drain()
	taskstest.Until(t, "the rest is ready again", func() bool { return s.states(ids)[tasks.Queued] == 8 })
	close(release)
	carried.Wait()
	if n := s.states(ids); n[tasks.Succeeded] != 4 || n[tasks.Queued] != 8 {
		t.Errorf("after the drain: %v", n)
	}
	s.hire(s.ledger)
	for s.states(ids)[tasks.Succeeded] < len(ids) {
		s.carryAll()
	}
	for _, id := range ids {
		s.want(id, tasks.Succeeded, "", 1)
	}
}
