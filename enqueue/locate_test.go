package enqueue

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestBeltKnowsWhereATaskIs(t *testing.T) {
	t.Parallel()
	for name, c := range brokers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := NewBelt(c, "")
			in := asynq.NewInspectorFromRedisClient(c)
			active, later := chunks(1, tasks.Bulk), chunks(5, tasks.Bulk)
			put(t, b, uuid.New(), active)
			occupy(t, c)
			put(t, b, uuid.New(), later)
			pending, archived, deleted, gone := later[0], later[1], later[2], chunks(1, tasks.Interactive)[0]
			if err := in.ArchiveTask("bulk", archived.Task); err != nil {
				t.Fatal(err)
			}
			if err := c.Del(t.Context(), "asynq:{bulk}:t:"+deleted.Task).Err(); err != nil {
				t.Fatal(err)
			}
			ask := []tasks.Chunk{active[0], pending, archived, deleted, gone}
			want := []Place{PlaceActive, PlacePending, PlaceGone, PlaceGone, PlaceGone}
			for _, step := range []string{"at first", "without the set of queue names"} {
				got, err := b.Locate(t.Context(), ask)
				if diff := cmp.Diff(want, got); err != nil || diff != "" {
					t.Errorf("%s: %v (-want +got):\n%s", step, err, diff)
				}
				if err := c.Del(t.Context(), "asynq:queues").Err(); err != nil {
					t.Fatal(err)
				}
			}
			// A worker that was frozen is heard of no more. This one lives, so that its last word is put back instead.
			old := redis.Z{Member: active[0].Task, Score: float64(time.Now().Add(leaseFor - unheardFor - 2*time.Second).Unix())}
			if err := c.ZAdd(t.Context(), "asynq:{bulk}:lease", old).Err(); err != nil {
				t.Fatal(err)
			}
			got, err := b.Locate(t.Context(), active)
			if diff := cmp.Diff([]Place{PlaceSilent}, got); err != nil || diff != "" {
				t.Errorf("of a silent worker: %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// occupy starts a worker with one slot, and returns when it holds its first task, until the test ends.
func occupy(t *testing.T, c redis.UniversalClient) {
	t.Helper()
	held, release := make(chan struct{}), make(chan struct{})
	srv := asynq.NewServerFromRedisClient(c, asynq.Config{
		Concurrency: 1, Queues: map[string]int{"bulk": 1}, LogLevel: asynq.FatalLevel, TaskCheckInterval: 10 * time.Millisecond,
	})
	err := srv.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error {
		close(held)
		<-release
		return nil
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		close(release)
		srv.Shutdown()
	})
	<-held
}
