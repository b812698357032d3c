package enqueue

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Stray is an entry that asynq never takes out of its list of active tasks by itself, since the task or its lease is gone:
// Redis evicted it, or somebody deleted it.
type Stray struct {
	Queue, Task string
}

// listStrays returns the active tasks of a queue that have no hash or no lease. asynq writes all three at once.
//
//	KEYS: active, lease. ARGV: what the keys of tasks begin with.
var listStrays = redis.NewScript(`
local found = {}
for _, id in ipairs(redis.call("LRANGE", KEYS[1], 0, -1)) do
	if redis.call("EXISTS", ARGV[1] .. id) == 0 or not redis.call("ZSCORE", KEYS[2], id) then
		table.insert(found, id)
	end
end
return found`) //nolint:gochecknoglobals // it never changes

// sweepStray makes an active task without a lease pending, as asynq does when a worker shuts down, and takes one without a
// hash off the list. Nothing is done to one that has both.
//
//	KEYS: active, lease, pending, task. ARGV: the task's ID.
var sweepStray = redis.NewScript(`
local there = redis.call("EXISTS", KEYS[4]) == 1
if there and redis.call("ZSCORE", KEYS[2], ARGV[1]) then
	return 0
end
if redis.call("LREM", KEYS[1], 0, ARGV[1]) == 0 then
	return 0
end
redis.call("ZREM", KEYS[2], ARGV[1])
if there then
	redis.call("RPUSH", KEYS[3], ARGV[1])
	redis.call("HSET", KEYS[4], "state", "pending")
end
return 1`) //nolint:gochecknoglobals // it never changes

// Strays lists the strays of all queues of the belt.
func (b *Belt) Strays(ctx context.Context) ([]Stray, error) {
	queues := b.queues()
	found := make([][]string, len(queues))
	at := make([]int, len(queues))
	for i := range at {
		at[i] = i
	}
	_, err := putAll(at, func(i int) (err error) {
		key := "asynq:{" + queues[i] + "}:"
		found[i], err = listStrays.Run(ctx, b.redis, []string{key + "active", key + "lease"}, key+"t:").StringSlice()
		return err
	})
	if err != nil {
		return nil, beltError(ctx, "look for strays", err)
	}
	var all []Stray
	for i, queue := range queues {
		for _, id := range found[i] {
			all = append(all, Stray{queue, id})
		}
	}
	return all, nil
}

// Sweep makes strays pending again, or takes them off where nothing is left of the task, and returns how many still were
// strays. A task that a worker still has at hand goes out twice then: the second claim of its upload is refused.
func (b *Belt) Sweep(ctx context.Context, strays []Stray) (int, error) {
	swept := 0
	for _, s := range strays {
		key := "asynq:{" + s.Queue + "}:"
		n, err := sweepStray.Run(ctx, b.redis, []string{key + "active", key + "lease", key + "pending", key + "t:" + s.Task}, s.Task).Int()
		if err != nil {
			return swept, beltError(ctx, "sweep strays", err)
		}
		swept += n
	}
	return swept, nil
}

// A stray is swept when it was found for strayFor: by then most workers that still have its task at hand are done.
const (
	overseeEvery = 5 * time.Second
	strayFor     = 15 * time.Second
)

// overseer is what the leader of the dispatch does about asynq's own tools, and about keys that Redis loses.
type overseer struct {
	due    time.Time
	pauses pauses
	seen   map[Stray]time.Time // when each was found first
}

// ripe returns the strays that were found before, for long enough. It forgets all others.
func (o *overseer) ripe(found []Stray, now time.Time) []Stray {
	seen := make(map[Stray]time.Time, len(found))
	var ripe []Stray
	for _, s := range found {
		since, known := o.seen[s]
		if !known {
			since = now
		}
		seen[s] = since
		if now.Sub(since) >= strayFor {
			ripe = append(ripe, s)
		}
	}
	o.seen = seen
	return ripe
}

// oversee tells of paused queues, and sweeps strays.
func (s *scheduler) oversee(ctx context.Context) {
	o, now := &s.overseer, time.Now()
	if now.Before(o.due) {
		return
	}
	o.due = now.Add(overseeEvery)
	var paused []string
	var swept int
	ok := s.carry(ctx, func(ctx context.Context) (err error) {
		if paused, err = s.Belt.Paused(ctx); err != nil {
			return err
		}
		found, err := s.Belt.Strays(ctx)
		if err != nil {
			return err
		}
		swept, err = s.Belt.Sweep(ctx, o.ripe(found, now))
		return err
	})
	if !ok {
		return
	}
	o.pauses.note(paused)
	if swept > 0 {
		s.Log.Warn("tasks were active in redis without a worker that asynq knows of: they are swept", "count", swept)
	}
}
