package enqueue_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestQueuesTellsWhatLiesInThoseThatAre(t *testing.T) {
	t.Parallel()
	c := redistest.Start(t).Client()
	belt := enqueue.NewBelt(c, "p:")
	if qs, err := belt.Queues(t.Context()); err != nil || len(qs) > 0 {
		t.Errorf("of an empty Redis: %v (%v)", qs, err)
	}
	chunk := tasks.Chunk{Task: "t1", Runs: []tasks.RunRef{{Upload: uuid.New(), Generation: 1}}}
	if _, err := belt.Put(t.Context(), uuid.New(), []tasks.Chunk{chunk}); err != nil {
		t.Fatal(err)
	}
	if err := asynq.NewInspectorFromRedisClient(c).PauseQueue("p:bulk"); err != nil {
		t.Fatal(err)
	}
	qs, err := belt.Queues(t.Context())
	if err != nil || len(qs) != 1 || qs[0].Name != tasks.QueueBulk || qs[0].Pending != 1 || !qs[0].Paused {
		t.Errorf("queues %+v (%v)", qs, err)
	}
}
