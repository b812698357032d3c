package enqueue

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// take makes the oldest pending task of a queue active, with the lease of a worker, as asynq does.
func take(t *testing.T, c redis.UniversalClient, queue string) string {
	t.Helper()
	key := "asynq:{" + queue + "}:"
	id, err := c.RPopLPush(t.Context(), key+"pending", key+"active").Result()
	if err == nil {
		err = c.HSet(t.Context(), key+"t:"+id, "state", "active").Err()
	}
	if err == nil {
		err = c.ZAdd(t.Context(), key+"lease", redis.Z{Score: float64(time.Now().Add(leaseFor).Unix()), Member: id}).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// What Redis lost of an active task is found and swept: one without a lease runs again, one without a hash is gone. A task
// that a worker is at is let alone, and so is whatever is swept twice.
func TestStraysAreSwept(t *testing.T) {
	t.Parallel()
	for name, c := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := NewBelt(c, "p:")
			put(t, b, uuid.New(), chunks(4, tasks.Bulk))
			queue := b.Queue(tasks.QueueBulk)
			key := "asynq:{" + queue + "}:"
			atWork, unleased, evicted := take(t, c, queue), take(t, c, queue), take(t, c, queue)
			for _, err := range []error{
				c.ZRem(t.Context(), key+"lease", unleased).Err(), c.Del(t.Context(), key+"t:"+evicted).Err(),
				c.LPush(t.Context(), "asynq:{other}:active", "foreign").Err(),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			found, err := b.Strays(t.Context())
			slices.SortFunc(found, func(a, b Stray) int { return strings.Compare(a.Task, b.Task) })
			want := []Stray{{queue, unleased}, {queue, evicted}}
			slices.SortFunc(want, func(a, b Stray) int { return strings.Compare(a.Task, b.Task) })
			if diff := cmp.Diff(want, found); diff != "" || err != nil {
				t.Fatal(diff, err)
			}
			for _, want := range []int{2, 0} {
				if n, err := b.Sweep(t.Context(), append(found, Stray{queue, atWork})); n != want || err != nil {
					t.Errorf("%d are swept, %v, want %d", n, err, want)
				}
			}
			active, _ := c.LRange(t.Context(), key+"active", 0, -1).Result()
			leases, _ := c.ZRange(t.Context(), key+"lease", 0, -1).Result()
			if diff := cmp.Diff([][]string{{atWork}, {atWork}}, [][]string{active, leases}); diff != "" {
				t.Error(diff)
			}
			if info, err := asynq.NewInspectorFromRedisClient(c).GetTaskInfo(queue, unleased); err != nil || info.State != asynq.TaskStatePending {
				t.Errorf("the task without a lease: %+v, %v", info, err)
			}
			if again := take(t, c, queue); again != unleased {
				t.Errorf("%s is next, want the one that was active", again)
			}
		})
	}
}

// A stray is swept once it was one for a while.
func TestStraysRipen(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a, b := Stray{"q", "a"}, Stray{"q", "b"}
	var o overseer
	for _, tt := range []struct {
		at          time.Duration
		found, ripe []Stray
	}{
		{0, []Stray{a}, nil}, {10 * time.Second, []Stray{a, b}, nil}, {15 * time.Second, []Stray{a, b}, []Stray{a}},
		{20 * time.Second, []Stray{a}, []Stray{a}}, {25 * time.Second, []Stray{b}, nil}, {39 * time.Second, []Stray{b}, nil}, {40 * time.Second, []Stray{b}, []Stray{b}},
	} {
		if diff := cmp.Diff(tt.ripe, o.ripe(tt.found, now.Add(tt.at))); diff != "" {
			t.Errorf("after %v: %s", tt.at, diff)
		}
	}
}

// A queue that was paused by asynq's own tool is named, until the command that comes with it was run.
func TestPausedQueuesAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, other := NewBelt(c, DefaultPrefix), NewBelt(c, "other:")
			inspector := asynq.NewInspectorFromRedisClient(c)
			put(t, b, uuid.New(), chunks(1, tasks.Bulk))
			for _, queue := range []string{"mediaferry:bulk", "inbox"} {
				if err := inspector.PauseQueue(queue); err != nil {
					t.Fatal(err)
				}
			}
			paused, err := b.Paused(t.Context())
			if diff := cmp.Diff([]string{"mediaferry:bulk", "inbox"}, paused); diff != "" || err != nil {
				t.Fatal(diff, err)
			}
			if paused, err := other.Paused(t.Context()); len(paused) > 0 || err != nil {
				t.Errorf("of another prefix: %q, %v", paused, err)
			}
			for _, command := range strings.Split(Resume(paused), "; ") {
				key := strings.Trim(strings.TrimPrefix(command, "redis-cli DEL "), "'")
				if n, err := c.Del(t.Context(), key).Result(); n != 1 || err != nil {
					t.Errorf("%s: %d, %v", command, n, err)
				}
			}
			if paused, err := b.Paused(t.Context()); len(paused) > 0 || err != nil {
				t.Errorf("after the command: %q, %v", paused, err)
			}
		})
	}
}

func TestAPauseIsLoggedOnce(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := pauses{log: slog.New(slog.NewTextHandler(&log, nil))}
	for _, paused := range [][]string{nil, {"a"}, {"a"}, {"a", "b"}, nil, nil} {
		p.note(paused)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 3 || strings.Count(log.String(), "level=WARN") != 2 || !strings.Contains(log.String(), "redis-cli DEL 'asynq:{b}:paused'") {
		t.Errorf("%d lines:\n%s", lines, &log)
	}
}
