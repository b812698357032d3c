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

// A worker that lives renews its lease of each task in Redis every five seconds, to end leaseFor after that; both are
// asynq's own constants. So one that has said nothing for unheardFor is dead or stands still. Should the clocks of two
// machines differ by more than the rest, a task goes out twice, and the second claim of its upload is refused.
const (
	leaseFor   = 30 * time.Second
	unheardFor = 7 * time.Second
)

// Locate finds out where each of the tasks is, in the same order.
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
		// The set of queue names has lost this one, which says nothing about the task: announce it again, and ask again.
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

// heard finds out whether the worker that has the task was heard of lately.
func (b *Belt) heard(ctx context.Context, queue string, c tasks.Chunk) (Place, error) {
	ends, err := b.redis.ZScore(ctx, "asynq:{"+queue+"}:lease", c.Task).Result()
	switch {
	case errors.Is(err, redis.Nil): // it has ended just now
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
