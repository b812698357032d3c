package enqueue

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/hibiken/asynq"

	"github.com/mediaferry/mediaferry/tasks"
)

// Workers returns the number of processes that take uploads off this belt. A killed process counts for ten more seconds,
// until asynq forgets it. A process that drains does not count.
func (b *Belt) Workers(ctx context.Context) (int, error) {
	servers, err := b.servers()
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

// UnservedQueue is a queue in which tasks lie that no live process takes out.
type UnservedQueue struct {
	Name  string
	Tasks int
}

// Unserved lists the queues of uploads, deliveries and inboxes, of whatever prefix, that have tasks and nobody to serve
// them: those of another prefix than the workers', or an inbox that no producer was set for.
func (b *Belt) Unserved(ctx context.Context) ([]UnservedQueue, error) {
	servers, err := b.servers()
	if err != nil {
		return nil, beltError(ctx, "look for workers", err)
	}
	served := map[string]bool{}
	for _, s := range servers {
		for queue := range s.Queues {
			served[queue] = true
		}
	}
	queues, err := b.inspector.Queues()
	if err != nil {
		return nil, beltError(ctx, "list queues", err)
	}
	var found []UnservedQueue
	for _, name := range queues {
		base := name[strings.LastIndexByte(name, ':')+1:]
		if served[name] || !slices.Contains(tasks.Queues, base) {
			continue
		}
		info, err := b.inspector.GetQueueInfo(name)
		if errors.Is(err, asynq.ErrQueueNotFound) || err != nil && !slices.Contains(b.queues(), name) {
			continue // another installation's, which this user of Redis may not read
		}
		if err != nil {
			return nil, beltError(ctx, "look into queue", err)
		}
		if n := info.Pending + info.Active + info.Scheduled + info.Retry; n > 0 {
			found = append(found, UnservedQueue{name, n})
		}
	}
	return found, nil
}

// Slots are how many uploads of each priority all live workers can send at once.
type Slots struct {
	Bulk, Interactive int
	Least             int // bulk, of the worker that has the fewest
}

// Slots asks Redis for the slots of the live workers.
func (b *Belt) Slots(ctx context.Context) (Slots, error) {
	var n Slots
	servers, err := b.servers()
	if err != nil {
		return n, beltError(ctx, "look for workers", err)
	}
	for _, s := range servers {
		if s.Status != "active" {
			continue
		}
		if _, takes := s.Queues[b.Queue(tasks.QueueBulk)]; takes {
			slots := max(1, s.Concurrency/tasks.TasksPerSlot)
			n.Bulk += slots
			if n.Least == 0 || slots < n.Least {
				n.Least = slots
			}
		}
		if _, takes := s.Queues[b.Queue(tasks.QueueInteractive)]; takes {
			n.Interactive += max(1, s.Concurrency/tasks.TasksPerSlot)
		}
	}
	return n, nil
}
