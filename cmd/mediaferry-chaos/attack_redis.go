package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

func redisAttacks() []*attack {
	away := between(200*time.Millisecond, 1200*time.Millisecond)
	return []*attack{
		{name: "redis-kill", about: "kill -9 Redis and start it again", length: away, strike: killRedis},
		{name: "redis-restart", about: "stop Redis in good order and start it again", length: away, strike: restartRedis},
		{name: "redis-flush", about: "FLUSHALL", length: between(time.Millisecond, 2*time.Millisecond), strike: flushRedis},
		{name: "redis-loss", about: "kill -9 Redis and lose its disk", length: away, strike: loseRedis},
		{name: "redis-stop", about: "SIGSTOP Redis, then SIGCONT", length: away, strike: stopRedis},
	}
}

func (f *field) redisUp(ctx context.Context) error {
	f.redis.up()
	return f.redis.answers(ctx)
}

func killRedis(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
	return wound{what: "redis", heal: f.redisUp}, f.redis.kill()
}

func restartRedis(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
	return wound{what: "redis", heal: f.redisUp}, f.redis.down(syscall.SIGTERM, 10*time.Second)
}

func flushRedis(ctx context.Context, f *field, _ *rand.Rand) (wound, error) {
	return wound{what: "redis", heal: heals(func() error { return nil })}, f.redis.client.FlushAll(ctx).Err()
}

func loseRedis(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
	w := wound{what: "redis", heal: f.redisUp}
	if err := f.redis.kill(); err != nil {
		return w, err
	}
	return w, f.redis.loseFiles()
}

func stopRedis(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
	return wound{what: "redis", heal: heals(f.redis.thaw)}, f.redis.freeze()
}
