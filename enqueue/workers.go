package enqueue

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// Workers returns the number of processes that take uploads off this belt. A killed process counts for ten more seconds,
// until asynq forgets it. A process that drains does not count.
func (b *Belt) Workers(ctx context.Context) (int, error) {
	servers, err := b.inspector.Servers()
	if err != nil {
		return 0, beltError(ctx, "look for workers", err)
	}
	n := 0
	for _, s := range servers {
		if _, takes := s.Queues[b.Queue(tasks.QueueBulk)]; takes && s.Status == "active" {
			n++
		}
	}
	return n, nil
}

// Slots returns the numbers of uploads of each priority that the live workers can send at once.
func (b *Belt) Slots(ctx context.Context) (bulk, interactive int, err error) {
	servers, err := b.inspector.Servers()
	if err != nil {
		return 0, 0, beltError(ctx, "look for workers", err)
	}
	for _, s := range servers {
		if s.Status != "active" {
			continue
		}
		if _, takes := s.Queues[b.Queue(tasks.QueueBulk)]; takes {
			bulk += max(1, s.Concurrency/tasks.TasksPerSlot)
		}
		if _, takes := s.Queues[b.Queue(tasks.QueueInteractive)]; takes {
			interactive += max(1, s.Concurrency/tasks.TasksPerSlot)
		}
	}
	return bulk, interactive, nil
}
