package enqueue

import (
	"context"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// QueueState is how much lies in one queue of the belt.
type QueueState struct {
	Name      string // without the prefix
	Pending   int
	Active    int
	Scheduled int
	Retry     int
	Archived  int
	Latency   time.Duration // the time that the oldest pending task has waited
	Paused    bool          // nothing is taken out of it
}

// Queues lists the queues of this belt that ever had a task.
func (b *Belt) Queues(ctx context.Context) ([]QueueState, error) {
	known, err := b.inspector.Queues()
	if err != nil {
		return nil, beltError(ctx, "list queues", err)
	}
	var qs []QueueState
	for _, name := range tasks.Queues {
		if !slices.Contains(known, b.Queue(name)) {
			continue
		}
		info, err := b.inspector.GetQueueInfo(b.Queue(name))
		if err != nil {
			return nil, beltError(ctx, "look into queue", err)
		}
		qs = append(qs, QueueState{
			Name: name, Pending: info.Pending, Active: info.Active, Scheduled: info.Scheduled, Retry: info.Retry, Archived: info.Archived,
			Latency: info.Latency, Paused: info.Paused,
		})
	}
	return qs, nil
}
