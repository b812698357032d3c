package attack

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
)

func redisAttacks() []*Attack {
	away := between(200*time.Millisecond, 1200*time.Millisecond)
	return []*Attack{
		{Name: "redis-kill", about: "kill -9 Redis and start it again", length: away, inject: killRedis},
		{Name: "redis-restart", about: "stop Redis in good order and start it again", length: away, inject: restartRedis},
		{Name: "redis-flush", about: "FLUSHALL", length: between(time.Millisecond, 2*time.Millisecond), inject: flushRedis},
		{Name: "redis-loss", about: "kill -9 Redis and lose its disk", length: away, inject: loseRedis},
		{Name: "redis-stop", about: "SIGSTOP Redis, then SIGCONT", length: away, inject: stopRedis},
	}
}

func killRedis(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
	return effect{target: "redis", revert: reverting(f.Redis.Start)}, f.Redis.Kill()
}

func restartRedis(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
	return effect{target: "redis", revert: reverting(f.Redis.Start)}, f.Redis.Stop()
}

func flushRedis(ctx context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
	return effect{target: "redis", revert: reverting(func() error { return nil })}, f.Rdb.FlushAll(ctx).Err()
}

func loseRedis(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
	w := effect{target: "redis", revert: reverting(f.Redis.Start)}
	if err := f.Redis.Kill(); err != nil {
		return w, err
	}
	return w, f.LoseRedisFiles()
}

func stopRedis(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
	return effect{target: "redis", revert: reverting(f.Redis.Thaw)}, f.Redis.Freeze()
}
