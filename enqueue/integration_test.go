package enqueue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// plant is a dispatcher between a real ledger and a real Redis.
type plant struct {
	t      *testing.T
	ledger *ledger.Ledger
	server *redistest.Server
	redis  redis.UniversalClient
	belt   *Belt
	*Dispatcher
	log *notes
}

func newPlant(t *testing.T, w tasks.Window) *plant {
	t.Helper()
	p := &plant{t: t, ledger: openLedger(t), server: redistest.Start(t), log: &notes{}}
	p.redis = connected(t, redis.UniversalOptions{Addrs: []string{p.server.Addr()}})
	p.belt = NewBelt(p.redis, "")
	p.Dispatcher = NewDispatcher(p.ledger, p.belt)
	p.Window, p.Log = w, p.log.logger()
	p.SlotsAhead = w.Bulk // as if there were workers enough
	return p
}

func (p *plant) submit(u ...tasks.Upload) []uuid.UUID {
	p.t.Helper()
	ids := make([]uuid.UUID, len(u))
	for i, u := range u {
		u.Producer = "test"
		if u.Account == "" {
			u.Account = "default"
		}
		rs, err := p.ledger.Accept(p.t.Context(), []tasks.Upload{u})
		if err != nil || rs[0].Err != nil {
			p.t.Fatalf("Accept: %v, %+v", err, rs)
		}
		ids[i] = rs[0].ID
	}
	p.Nudge()
	return ids
}

func (p *plant) submitMany(n int, account string) {
	p.t.Helper()
	b := &Producer{Ledger: p.ledger, Name: "test", Account: account}
	if _, err := b.SubmitBatch(p.t.Context(), tasks.Batch{}, pictures(n)); err != nil {
		p.t.Fatal(err)
	}
	p.Nudge()
}

// onBelt lists the IDs of the tasks that are pending in the queue.
func (p *plant) onBelt(queue string) []string {
	ids, err := p.redis.LRange(p.t.Context(), "asynq:{"+queue+"}:pending", 0, -1).Result()
	if err != nil {
		return nil // the server may be down, as the test wants it
	}
	return ids
}

// runs lists what the pending tasks of the queue carry.
func (p *plant) runs(queue string) []tasks.RunRef {
	p.t.Helper()
	infos, err := asynq.NewInspectorFromRedisClient(p.redis).ListPendingTasks(queue, asynq.PageSize(10_000))
	if err != nil {
		return nil // the queue may be unknown yet
	}
	var runs []tasks.RunRef
	for _, i := range infos {
		if i.Type == "" { // its key was deleted
			continue
		}
		r, err := tasks.ParseRunTask(asynq.NewTask(i.Type, i.Payload))
		if err != nil {
			p.t.Error(err)
		}
		runs = append(runs, r.Runs...)
	}
	return runs
}

// generations counts the pending runs of each generation, and fails the test for an upload that is there twice.
func (p *plant) generations(queue string) map[int]int {
	p.t.Helper()
	got, seen := map[int]int{}, map[uuid.UUID]bool{}
	for _, r := range p.runs(queue) {
		if seen[r.Upload] {
			p.t.Errorf("upload %s is on the belt twice", r.Upload)
		}
		seen[r.Upload] = true
		got[r.Generation]++
	}
	return got
}

func TestAWipedRedisIsFilledAgain(t *testing.T) {
	t.Parallel()
	p := newPlant(t, DefaultWindow())
	p.submitMany(500, "default")
	start(t, p.Dispatcher)
	taskstest.Until(t, "500 tasks are dispatched", func() bool { return len(p.onBelt("bulk")) == 500 })
	if err := p.redis.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	taskstest.Until(t, "500 tasks are there again", func() bool { return len(p.onBelt("bulk")) == 500 })
	if diff := cmp.Diff(map[int]int{2: 500}, p.generations("bulk")); diff != "" {
		t.Errorf("tasks by generation (-want +got):\n%s", diff)
	}
	if n := size(t, p.redis, "bulk"); n != 500 { // the queue was announced again
		t.Errorf("asynq sees %d tasks, want 500", n)
	}
}

func TestARestartedRedisIsFilledAgain(t *testing.T) {
	t.Parallel()
	p := newPlant(t, DefaultWindow())
	p.submitMany(200, "default")
	start(t, p.Dispatcher)
	taskstest.Until(t, "200 tasks are dispatched", func() bool { return len(p.onBelt("bulk")) == 200 })
	p.server.Kill()
	p.submitMany(100, "default") // is accepted without a Redis
	taskstest.Until(t, "the outage is noticed", func() bool { return len(p.log.lines()) > 0 })
	p.server.Restart()
	taskstest.Until(t, "300 tasks are there", func() bool { return len(p.onBelt("bulk")) == 300 })
	p.generations("bulk")
	if n := len(p.log.lines()); n > 3 {
		t.Errorf("%d log lines, want one each for the outage, its end and the loss: %q", n, p.log.lines())
	}
}

func TestADeletedTaskIsSentAgain(t *testing.T) {
	t.Parallel()
	p := newPlant(t, DefaultWindow())
	ids := p.submit(picture(1), picture(2))
	start(t, p.Dispatcher)
	taskstest.Until(t, "both are dispatched", func() bool { return len(p.onBelt("bulk")) == 2 })
	chunks, err := p.ledger.OnBelt(t.Context(), -time.Second, 10)
	if err != nil || len(chunks) != 2 || chunks[0].Runs[0].Upload != ids[0] {
		t.Fatalf("on the belt are %+v, %v", chunks, err)
	}
	if err := p.redis.Del(t.Context(), "asynq:{bulk}:t:"+chunks[0].Task).Err(); err != nil {
		t.Fatal(err)
	}
	taskstest.Until(t, "a second generation is there", func() bool {
		return slices.Contains(p.runs("bulk"), tasks.RunRef{Upload: ids[0], Generation: 2})
	})
	if slices.Contains(p.runs("bulk"), tasks.RunRef{Upload: ids[1], Generation: 2}) {
		t.Error("its neighbour was sent twice")
	}
}

// crew is workers that claim and finish what asynq hands them, and keep the order in which they did.
type crew struct {
	mu    sync.Mutex
	order []tasks.Upload
	most  int // tasks in one queue at once, as they saw it
}

func (c *crew) work(p *plant, slots int) {
	p.t.Helper()
	srv := asynq.NewServerFromRedisClient(p.redis, asynq.Config{
		Concurrency: slots, Queues: map[string]int{"bulk": 1, "interactive": 5}, LogLevel: asynq.FatalLevel, TaskCheckInterval: 5 * time.Millisecond,
	})
	if err := srv.Start(asynq.HandlerFunc(func(ctx context.Context, t *asynq.Task) error { return c.one(ctx, p, t) })); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(srv.Shutdown)
}

func (c *crew) one(ctx context.Context, p *plant, t *asynq.Task) error {
	run, err := tasks.ParseRunTask(t)
	if err != nil {
		return err
	}
	claims, err := p.ledger.Claim(ctx, tasks.NewBids(run.Runs), "crew", time.Minute)
	if err != nil {
		return err
	}
	pending, err := p.redis.LLen(ctx, "asynq:{bulk}:pending").Result()
	if err != nil {
		return err
	}
	for _, claim := range claims {
		c.mu.Lock()
		c.order = append(c.order, claim.Upload)
		c.most = max(c.most, int(pending))
		c.mu.Unlock()
		if err := p.ledger.Finish(ctx, claim.Token, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.Missing}}); err != nil {
			return err
		}
	}
	return nil
}

func (c *crew) done() []tasks.Upload {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.order)
}

func TestABacklogHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	w := tasks.Window{Bulk: 100, Interactive: 20}
	p := newPlant(t, w)
	p.submitMany(20_000, "big")
	start(t, p.Dispatcher)
	taskstest.Until(t, "the window is full", func() bool { return len(p.onBelt("bulk")) == w.Bulk })
	for i := range 9 {
		p.submitMany(3, fmt.Sprintf("small-%d", i))
	}
	urgent := picture(0)
	urgent.Account, urgent.Priority = "big", tasks.Interactive
	p.submit(urgent)
	taskstest.Until(t, "the urgent one is dispatched", func() bool { return len(p.onBelt("interactive")) == 1 })

	c := &crew{}
	c.work(p, 4)
	taskstest.Until(t, "each account has had its turn", func() bool { return len(accounts(c.done())) == 10 })
	if n := len(c.done()); n > 1000 {
		t.Errorf("%d uploads went ahead, want some windows of %d at most", n, w.Bulk)
	}
	if c.mu.Lock(); c.most > w.Bulk {
		t.Errorf("%d tasks were pending at once, want %d at most", c.most, w.Bulk)
	}
	c.mu.Unlock()
	at := slices.IndexFunc(c.done(), func(u tasks.Upload) bool { return u.Priority == tasks.Interactive })
	if at < 0 || at > 50 {
		t.Errorf("the urgent upload came as number %d, want it at once", at)
	}
}

func accounts(us []tasks.Upload) map[string]bool {
	names := map[string]bool{}
	for _, u := range us {
		names[u.Account] = true
	}
	return names
}
