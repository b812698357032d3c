package enqueue

import (
	"context"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"
)

// servers lists the asynq servers that are alive, without what they have at hand, in two round trips: asynq takes two for
// each server, one after the other, and a Redis may be far away.
func (b *Belt) servers() ([]*asynq.ServerInfo, error) {
	return asynq.NewInspectorFromRedisClient(&atOnce{UniversalClient: b.redis}).Servers()
}

// atOnce reads all keys that a script lists in one round trip, and answers the reads of each that follow. It serves one
// call of Inspector.Servers.
type atOnce struct {
	redis.UniversalClient
	read map[string]*redis.StringCmd
}

// allWorkers is asynq's key of what all servers have at hand.
const allWorkers = "asynq:workers"

// EvalSha lists keys.
func (c *atOnce) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if len(keys) == 1 && keys[0] == allWorkers {
		nothing := redis.NewCmd(ctx)
		nothing.SetVal([]any{})
		return nothing
	}
	return c.gather(ctx, c.UniversalClient.EvalSha(ctx, sha, keys, args...))
}

// Eval is EvalSha for a script that Redis does not know yet.
func (c *atOnce) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return c.gather(ctx, c.UniversalClient.Eval(ctx, script, keys, args...))
}

func (c *atOnce) gather(ctx context.Context, listed *redis.Cmd) *redis.Cmd {
	keys, err := listed.StringSlice()
	if err != nil || len(keys) == 0 {
		return listed
	}
	c.read = make(map[string]*redis.StringCmd, len(keys))
	pipe := c.Pipeline()
	for _, key := range keys {
		c.read[key] = pipe.Get(ctx, key)
	}
	_, _ = pipe.Exec(ctx) // each command carries its own error
	return listed
}

// Get answers with what was read.
func (c *atOnce) Get(ctx context.Context, key string) *redis.StringCmd {
	if cmd, is := c.read[key]; is {
		return cmd
	}
	return c.UniversalClient.Get(ctx, key)
}
