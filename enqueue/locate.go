package enqueue

import (
	"context"
	"errors"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// Place is where a task is on the belt.
type Place int8

// The places.
const (
	PlacePending Place = iota // asynq will hand it out by itself, now or after a pause
	PlaceActive               // asynq handed it to a worker
	PlaceSilent               // asynq handed it to a worker that has not been heard of since
	PlaceGone                 // Redis does not know it, or asynq has given it up
)

// asynq's constants: a living worker renews its lease of each task in Redis every five seconds, for leaseFor. A worker that
// has not renewed for unheardFor is dead or suspended. If the clocks of two machines differ by more than the remaining two
// seconds, a task goes out twice, and the second claim of its upload is refused.
const (
	leaseFor   = 30 * time.Second
	unheardFor = 7 * time.Second
)

// Locate returns the place of each task, in the same order.
func (b *Belt) Locate(ctx context.Context, dispatched []tasks.Chunk) ([]Place, error) {
	places := make([]Place, len(dispatched))
	at := make([]int, len(dispatched))
	for i := range at {
		at[i] = i
	}
	_, err := putAll(at, func(i int) error {
		var err error
		places[i], err = b.locate(ctx, dispatched[i])
		return err
	})
	return places, err
}

func (b *Belt) locate(ctx context.Context, c tasks.Chunk) (Place, error) {
	queue := b.Queue(c.Queue())
	info, err := b.inspector.GetTaskInfo(queue, c.Task)
	if errors.Is(err, asynq.ErrQueueNotFound) {
		// Redis has lost the queue's name, which says nothing about the task: add the name, and ask again.
		if err := b.redis.SAdd(ctx, "asynq:queues", queue).Err(); err != nil {
			return PlacePending, beltError(ctx, "announce queue", err)
		}
		info, err = b.inspector.GetTaskInfo(queue, c.Task)
	}
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound):
		return PlaceGone, nil
	case err != nil:
		return PlacePending, beltError(ctx, "look up task", err)
	}
	switch info.State {
	case asynq.TaskStateActive:
		return b.heard(ctx, queue, c)
	case asynq.TaskStateArchived, asynq.TaskStateCompleted:
		return PlaceGone, nil
	default:
		return PlacePending, nil
	}
}

// heard tells by the task's lease whether its worker is alive.
func (b *Belt) heard(ctx context.Context, queue string, c tasks.Chunk) (Place, error) {
	ends, err := b.redis.ZScore(ctx, "asynq:{"+queue+"}:lease", c.Task).Result()
	switch {
	case errors.Is(err, redis.Nil): // the task has ended just now
		return PlaceActive, nil
	case err != nil:
		return PlaceActive, beltError(ctx, "look up lease", err)
	}
	heard := time.Unix(int64(ends), 0).Add(-leaseFor)
	if time.Since(heard) > unheardFor {
		return PlaceSilent, nil
	}
	return PlaceActive, nil
}
