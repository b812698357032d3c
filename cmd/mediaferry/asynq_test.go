package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Whatever somebody does with asynq's own tools, or to its keys, to a fleet at work: nothing is lost, and all comes to an end.
func TestAsynqToolsLoseNothing(t *testing.T) {
	t.Parallel()
	const files, queue = 60, "mediaferry:bulk"
	g := clitest.New(t, wechattest.Config{})
	for i := range files {
		g.Write(fmt.Sprintf("%d.jpg", i), mediatest.Distinct(i, tasks.Image, 800))
	}
	r := fleet(g)
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", "2")
	g.Sandbox.Rate(wechattest.Fault{Path: clitest.UploadPath, Delay: 100 * time.Millisecond}, 1)
	c := r.Client()
	i := asynq.NewInspectorFromRedisClient(c)
	if err := c.SAdd(t.Context(), "asynq:queues", queue).Err(); err != nil {
		t.Fatal(err)
	}
	if err := i.PauseQueue(queue); err != nil {
		t.Fatal(err)
	}
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	first := g.Start("worker")
	second := g.Start("worker")
	l := g.Ledger()
	taskstest.Until(t, "the leader logs the pause", func() bool { return first.Says("queues are paused") || second.Says("queues are paused") })
	for _, command := range []string{"status", "doctor"} {
		if res := g.Run(command); !strings.Contains(res.Out+res.Err, "redis-cli DEL 'asynq:{mediaferry:bulk}:paused'") {
			t.Errorf("%s does not tell of the pause:\n%s%s", command, res.Out, res.Err)
		}
	}
	if err := i.UnpauseQueue(queue); err != nil {
		t.Fatal(err)
	}
	done := func() int { return g.Sandbox.Count(clitest.UploadPath) }
	for n, act := range []func() error{
		func() error { _, err := i.ArchiveAllPendingTasks(queue); return err },
		func() error { _, err := i.DeleteAllPendingTasks(queue); return err },
		func() error { return eachActive(i, queue, i.CancelProcessing) },
		func() error {
			return eachActive(i, queue, func(id string) error { return c.Del(t.Context(), "asynq:{"+queue+"}:t:"+id).Err() })
		},
		func() error {
			return eachActive(i, queue, func(id string) error { return c.ZRem(t.Context(), "asynq:{"+queue+"}:lease", id).Err() })
		},
		func() error { return i.DeleteQueue(queue, true) },
		func() error { return remove(t, c, queue) },
	} {
		before := done()
		taskstest.Until(t, fmt.Sprintf("work goes on before step %d", n), func() bool { return done() > before || done() >= files })
		if err := act(); err != nil && !errors.Is(err, asynq.ErrQueueNotFound) && !strings.Contains(err.Error(), "active tasks") {
			t.Fatalf("step %d: %v", n, err)
		}
	}
	taskstest.Until(t, "every upload succeeded", func() bool {
		s, err := l.Status(t.Context())
		return err == nil && s.Counts[tasks.Succeeded] == files
	})
	taskstest.Until(t, "nothing is left over", func() bool { return g.Run("verify").Code == tasks.ExitOK })
}

// eachActive does something to every active task that asynq lists.
func eachActive(i *asynq.Inspector, queue string, do func(id string) error) error {
	active, err := i.ListActiveTasks(queue)
	for _, info := range active {
		err = errors.Join(err, do(info.ID))
	}
	return err
}

// remove removes all keys of a queue, as asynq queue rm --force does, and active tasks too.
func remove(t *testing.T, c redis.UniversalClient, queue string) error {
	t.Helper()
	keys, err := c.Keys(t.Context(), "asynq:{"+queue+"}:*").Result()
	if err != nil || len(keys) == 0 {
		return err
	}
	return errors.Join(c.Del(t.Context(), keys...).Err(), c.SRem(t.Context(), "asynq:queues", queue).Err())
}
