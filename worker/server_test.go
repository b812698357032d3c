package worker

import (
	"context"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
)

// Uploads that run alone wait for each other: whoever is claimed while it waits goes down with this process in vain.
func TestFewUploadsWaitForBeingAlone(t *testing.T) {
	t.Parallel()
	c := redistest.Start(t).Client()
	client, inspector := asynq.NewClientFromRedisClient(c), asynq.NewInspectorFromRedisClient(c)
	ledger := uuid.New()
	put := func(queue string) uuid.UUID {
		d := tasks.Chunk{Task: uuid.NewString(), Runs: []tasks.RunRef{{Upload: uuid.New(), Generation: 1}}}
		task, err := tasks.NewRunTask(ledger, d)
		if err == nil {
			_, err = client.Enqueue(task, asynq.Queue(queue))
		}
		if err != nil {
			t.Fatal(err)
		}
		return d.Runs[0].Upload
	}
	const each, two = 4, 2
	alone := map[uuid.UUID]bool{}
	for range each {
		alone[put(tasks.QueueAlone)] = true
	}
	for range each {
		put(tasks.QueueBulk)
	}
	begun, end := make(chan bool), make(chan struct{})
	var ended sync.WaitGroup
	ended.Add(2 * each)
	s := NewServer(c, Handlers{Run: func(_ context.Context, p tasks.RunPayload) error {
		defer ended.Done()
		begun <- alone[p.Runs[0].Upload]
		<-end
		return nil
	}}, ServerConfig{Slots: each})
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	n := map[bool]int{}
	for range each + two {
		n[<-begun]++
	}
	info, err := inspector.GetQueueInfo(tasks.QueueAlone)
	if err != nil {
		t.Fatal(err)
	}
	if n[true] != two || n[false] != each || info.Active != two {
		t.Errorf("%d of those that run alone are taken beside %d others, and %d by asynq's count; want 2, %d, 2", n[true], n[false], info.Active, each)
	}
	close(end)
	for range each - two {
		<-begun
	}
	ended.Wait()
	s.Shutdown(t.Context(), func() {}, func() {})
}
