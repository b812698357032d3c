package enqueue

import (
	"context"
	"net"
	"sync/atomic"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// trips counts round trips to Redis.
type trips struct{ atomic.Int64 }

func (n *trips) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (n *trips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		n.Add(1)
		return next(ctx, cmd)
	}
}

func (n *trips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		n.Add(1)
		return next(ctx, cmds)
	}
}

// What a dispatcher asks Redis for takes as many round trips however many workers and queues there are.
func TestALookAtTheBeltTakesFewRoundTrips(t *testing.T) {
	t.Parallel()
	p := newPlant(t, DefaultWindow())
	const workers = 5
	for range workers {
		srv := asynq.NewServerFromRedisClient(p.redis, asynq.Config{Concurrency: tasks.TasksPerSlot, Queues: map[string]int{"bulk": 1}, LogLevel: asynq.FatalLevel})
		if err := srv.Start(asynq.HandlerFunc(func(context.Context, *asynq.Task) error { return nil })); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(srv.Shutdown)
	}
	taskstest.Until(t, "all workers are known", func() bool {
		n, err := p.belt.Slots(t.Context())
		return err == nil && n.Bulk == workers
	})
	counted := new(trips)
	client := connected(t, redis.UniversalOptions{Addrs: []string{p.server.Addr()}})
	client.AddHook(counted)
	b := NewBelt(client, "")
	for name, look := range map[string]func() error{
		"slots": func() error {
			n, err := b.Slots(t.Context())
			if n.Bulk != workers || n.Least != 1 {
				t.Errorf("%d workers have %+v", workers, n)
			}
			return err
		},
		"paused": func() error { _, err := b.Paused(t.Context()); return err },
	} {
		for _, learn := range []bool{true, false} { // the first time a server may learn a script
			counted.Store(0)
			if err := look(); err != nil {
				t.Fatal(err)
			}
			if n := counted.Load(); !learn && n > 3 {
				t.Errorf("%s: %d round trips", name, n)
			}
		}
	}
}
