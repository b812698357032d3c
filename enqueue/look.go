package enqueue

import (
	"context"
	"errors"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/tasks"
)

// Place is where a task is on the belt.
type Place int8

// The places.
const (
	PlacePending Place = iota // asynq will hand it out by itself, now or after a pause
	PlaceActive               // asynq handed it to a worker
	PlaceGone                 // Redis does not know it, or asynq has given it up
)

// Look finds out where each of the tasks is, in the same order.
func (b *Belt) Look(ctx context.Context, dispatched []tasks.Dispatch) ([]Place, error) {
	places := make([]Place, len(dispatched))
	at := make([]int, len(dispatched))
	for i := range at {
		at[i] = i
	}
	_, err := putAll(at, func(i int) error {
		var err error
		places[i], err = b.look(ctx, dispatched[i])
		return err
	})
	return places, err
}

func (b *Belt) look(ctx context.Context, d tasks.Dispatch) (Place, error) {
	queue := b.queueOf(d)
	info, err := b.inspector.GetTaskInfo(queue, tasks.RunTaskID(d))
	if errors.Is(err, asynq.ErrQueueNotFound) {
		// The set of queue names has lost this one, which says nothing about the task: announce it again, and ask again.
		if err := b.redis.SAdd(ctx, "asynq:queues", queue).Err(); err != nil {
			return PlacePending, beltError(ctx, "announce queue", err)
		}
		info, err = b.inspector.GetTaskInfo(queue, tasks.RunTaskID(d))
	}
	switch {
	case errors.Is(err, asynq.ErrTaskNotFound):
		return PlaceGone, nil
	case err != nil:
		return PlacePending, beltError(ctx, "look up task", err)
	}
	switch info.State {
	case asynq.TaskStateActive:
		return PlaceActive, nil
	case asynq.TaskStateArchived, asynq.TaskStateCompleted:
		return PlaceGone, nil
	default:
		return PlacePending, nil
	}
}
