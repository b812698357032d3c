package enqueue

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
)

// brokers are the two that a belt must run on alike.
func brokers(t *testing.T) map[string]redis.UniversalClient {
	t.Helper()
	return map[string]redis.UniversalClient{"redis": realRedis(t), "embedded": embeddedRedis(t)}
}

func realRedis(t *testing.T) redis.UniversalClient {
	t.Helper()
	return connected(t, redis.UniversalOptions{Addrs: []string{redistest.Start(t).Addr()}})
}

func connected(t *testing.T, o redis.UniversalOptions) redis.UniversalClient {
	t.Helper()
	c := Connect(o)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func embeddedRedis(t *testing.T) redis.UniversalClient {
	t.Helper()
	e, err := StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return connected(t, e.Options())
}

// chunks are tasks of one run each.
func chunks(n int, p tasks.Priority) []tasks.Chunk {
	out := make([]tasks.Chunk, n)
	for i := range out {
		out[i] = tasks.Chunk{Task: uuid.NewString(), Priority: p, Runs: []tasks.RunRef{{Upload: uuid.New(), Generation: 1 + i%3}}}
	}
	return out
}

func put(t *testing.T, b *Belt, ledger uuid.UUID, d []tasks.Chunk) {
	t.Helper()
	if left, err := b.Put(t.Context(), ledger, d); err != nil || len(left) > 0 {
		t.Fatalf("Put left %d: %v", len(left), err)
	}
}

// size is how many tasks the queue holds, in whatever state.
func size(t *testing.T, c redis.UniversalClient, queue string) int {
	t.Helper()
	info, err := asynq.NewInspectorFromRedisClient(c).GetQueueInfo(queue)
	if errors.Is(err, asynq.ErrQueueNotFound) {
		return 0
	}
	if err != nil {
		t.Fatal(err)
	}
	return info.Size
}

func TestBeltCarriesEachTaskOnceInItsQueue(t *testing.T) {
	t.Parallel()
	for name, c := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ledger := uuid.New()
			b := NewBelt(c, "staging-")
			bulk, urgent := chunks(700, tasks.Bulk), chunks(30, tasks.Interactive)
			again := chunks(6, tasks.Bulk)
			for i := range again {
				again[i].Deaths = i/2 + 1
			}
			delivery := []tasks.DeliveryDispatch{{ID: uuid.New(), Generation: 2}}
			for range 2 { // the second time finds all of it there
				put(t, b, ledger, slices.Concat(bulk, urgent, again))
				if left, err := b.PutDeliveries(t.Context(), ledger, delivery); err != nil || len(left) > 0 {
					t.Fatalf("PutDeliveries left %v: %v", left, err)
				}
			}
			got := map[string]int{}
			for _, q := range []string{tasks.QueueBulk, tasks.QueueAgain, tasks.QueueAlone, tasks.QueueInteractive, tasks.QueueWebhook} {
				got[q] = size(t, c, b.Queue(q))
			}
			want := map[string]int{tasks.QueueBulk: 700, tasks.QueueAgain: 2, tasks.QueueAlone: 4, tasks.QueueInteractive: 30, tasks.QueueWebhook: 1}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("queue sizes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBeltLeavesRetriesToTheLedger(t *testing.T) {
	t.Parallel()
	c := realRedis(t)
	b := NewBelt(c, "")
	ledger, d := uuid.New(), chunks(1, tasks.Interactive)
	put(t, b, ledger, d)
	got, err := asynq.NewInspectorFromRedisClient(c).GetTaskInfo("interactive", d[0].Task)
	if err != nil {
		t.Fatal(err)
	}
	want := &asynq.TaskInfo{
		ID: d[0].Task, Queue: "interactive", Type: "media:run", State: asynq.TaskStatePending,
		Payload:  fmt.Appendf(nil, `{"v":2,"ledger_id":%q,"priority":"interactive","runs":[{"upload_id":%q,"generation":1}]}`, ledger, d[0].Runs[0].Upload),
		MaxRetry: 1<<31 - 1, Timeout: time.Hour, NextProcessAt: got.NextProcessAt,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the task in Redis (-want +got):\n%s", diff)
	}
}

func TestBeltSharesRoundTrips(t *testing.T) {
	t.Parallel()
	c := realRedis(t)
	b := NewBelt(c, "")
	put(t, b, uuid.New(), chunks(1, tasks.Bulk)) // loads the script, announces the queue
	before := reads(t, c)
	const n = 2000
	put(t, b, uuid.New(), chunks(n, tasks.Bulk))
	if got := reads(t, c) - before; got > n/4 {
		t.Errorf("%d reads of the server for %d tasks, want a quarter at most", got, n)
	}
}

// reads is how often the server has read from a socket: once for each round trip, or a little more.
func reads(t *testing.T, c redis.UniversalClient) int {
	t.Helper()
	text, err := c.Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscan(parseInfo(text)["total_reads_processed"], &n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestBeltSaysWhatDidNotArrive(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "hunter2")
	c := connected(t, redis.UniversalOptions{Addrs: []string{s.Addr()}, Password: "hunter2"})
	b := NewBelt(c, "")
	put(t, b, uuid.New(), chunks(1, tasks.Bulk)) // announces the queue, which is not tried again then
	d := chunks(300, tasks.Bulk)
	s.Kill()

	left, err := b.Put(t.Context(), uuid.New(), d)
	if tasks.CodeOf(err) != tasks.Unavailable {
		t.Errorf("Put without a server: %v, want Unavailable", err)
	}
	if err != nil && strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the error tells the password: %v", err)
	}
	if diff := cmp.Diff(d, left); diff != "" {
		t.Errorf("what did not arrive (-want +got):\n%s", diff)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if left, err := b.Put(ctx, uuid.New(), d); !errors.Is(err, context.Canceled) || len(left) != len(d) {
		t.Errorf("Put under a canceled context left %d: %v", len(left), err)
	}

	s.Restart()
	for c.Ping(t.Context()).Err() != nil { // a pool that met a refusal tries again once a second
		runtime.Gosched()
	}
	b.Renew()
	put(t, b, uuid.New(), d)
	if n := size(t, c, "bulk"); n != len(d) {
		t.Errorf("%d tasks once the server was back, want %d", n, len(d))
	}
}

func TestBeltEpochChangesOnlyWithALoss(t *testing.T) {
	t.Parallel()
	for name, c := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			epoch := func(b *Belt) string {
				t.Helper()
				e, err := b.Epoch(t.Context())
				if err != nil || e == "" {
					t.Fatalf("Epoch: %q, %v", e, err)
				}
				return e
			}
			first := epoch(NewBelt(c, "a-"))
			if again := epoch(NewBelt(c, "a-")); again != first {
				t.Errorf("another process sees epoch %q, want %q", again, first)
			}
			if other := epoch(NewBelt(c, "b-")); other == first {
				t.Error("another prefix has the same epoch")
			}
			if err := c.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
			if after := epoch(NewBelt(c, "a-")); after == first {
				t.Error("FLUSHALL left the epoch as it was")
			}
		})
	}
}

func TestBeltAnnouncesItsQueuesAgainOnceRenewed(t *testing.T) {
	t.Parallel()
	c := realRedis(t)
	b := NewBelt(c, "")
	put(t, b, uuid.New(), chunks(1, tasks.Bulk))
	if err := c.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	b.Renew()
	put(t, b, uuid.New(), chunks(1, tasks.Bulk))
	queues, err := asynq.NewInspectorFromRedisClient(c).Queues()
	if diff := cmp.Diff([]string{"bulk"}, queues); err != nil || diff != "" {
		t.Errorf("queues, %v (-want +got):\n%s", err, diff)
	}
}
