package worker_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker"
)

// watcher keeps what a worker tells.
type watcher struct {
	mu     sync.Mutex
	waits  int
	stages []tasks.Stage
	tries  []worker.Try
}

func (w *watcher) Claimed(time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits++
}

func (w *watcher) Passed(s tasks.Stage, _ time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stages = append(w.stages, s)
}

func (w *watcher) Tried(t worker.Try) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t.Took = 0
	w.tries = append(w.tries, t)
}

func TestObserverIsToldOfEachTryAndItsStages(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	w := new(watcher)
	s.change = func(c *worker.Config) { c.Observer = w }
	s.hire(s.ledger)
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) {
		return tasks.Media{}, wechatError(tasks.Temporary, -1)
	}
	s.submit(tasks.Upload{})
	s.turn()
	s.upload = func(context.Context, tasks.Payload) (tasks.Media, error) { return media(), nil }
	taskstest.Until(t, "it is tried again", func() bool { return s.turn() == 1 })
	want := []worker.Try{
		{Account: "default", Type: tasks.Image, State: tasks.Waiting, Code: tasks.Temporary, Errcode: -1},
		{Account: "default", Type: tasks.Image, State: tasks.Succeeded},
	}
	if diff := gocmp.Diff(want, w.tries); diff != "" {
		t.Errorf("tries (-want +got):\n%s", diff)
	}
	once := []tasks.Stage{tasks.StageOpen, tasks.StageRead, tasks.StageValidate, tasks.StageRecord}
	if !slices.Equal(w.stages, append(once, once...)) || w.waits != 1 {
		t.Errorf("stages %v, %d waits", w.stages, w.waits)
	}
}
