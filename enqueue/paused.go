package enqueue

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// Paused lists the belt's queues that somebody paused with asynq's own tools, inboxes included. Nobody takes tasks out of them
// until Resume's command is run.
func (b *Belt) Paused(ctx context.Context) ([]string, error) {
	queues := b.queues()
	pipe := b.redis.Pipeline()
	marks := make([]*redis.IntCmd, len(queues))
	for i, queue := range queues {
		marks[i] = pipe.Exists(ctx, pauseKey(queue))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, beltError(ctx, "look for paused queues", err)
	}
	var paused []string
	for i, queue := range queues {
		if marks[i].Val() > 0 {
			paused = append(paused, queue)
		}
	}
	return paused, nil
}

// queues are the names in Redis of all queues of this belt.
func (b *Belt) queues() []string {
	var names []string
	for _, name := range tasks.Queues {
		if name != tasks.QueueInbox {
			names = append(names, b.Queue(name))
		}
	}
	return append(names, InboxQueues(b.prefix)...)
}

func pauseKey(queue string) string { return "asynq:{" + queue + "}:paused" }

// Resume is the command that ends the pause of queues.
func Resume(queues []string) string {
	commands := make([]string, len(queues))
	for i, queue := range queues {
		commands[i] = "redis-cli DEL '" + pauseKey(queue) + "'"
	}
	return strings.Join(commands, "; ")
}

// pauses remembers which queues are paused, and logs a change once.
type pauses struct {
	log  *slog.Logger
	last []string
}

func (p *pauses) note(paused []string) {
	if slices.Equal(paused, p.last) {
		return
	}
	if len(paused) > 0 {
		p.log.Warn("queues are paused in redis: what is in them waits", "queues", strings.Join(paused, ", "), "resume_by", Resume(paused))
	} else {
		p.log.Info("no queue is paused in redis any more")
	}
	p.last = paused
}
