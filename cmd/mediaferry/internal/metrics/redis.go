package metrics

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
)

// Redis returns a hook that times round trips to Redis.
func (m *Metrics) Redis() redis.Hook {
	h := &redisHook{
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: namespace, Name: "redis_duration_seconds", Buckets: callBuckets,
			Help: "How long round trips to Redis took.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: namespace, Name: "redis_errors_total", Help: "Round trips to Redis that failed.",
		}),
	}
	m.registry.MustRegister(h.took, h.failed)
	return h
}

type redisHook struct {
	took   prometheus.Histogram
	failed prometheus.Counter
}

// DialHook implements redis.Hook.
func (h *redisHook) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := next(ctx, network, address)
		if err != nil {
			h.failed.Inc()
		}
		return conn, err
	}
}

// ProcessHook implements redis.Hook.
func (h *redisHook) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmd)
		h.ended(began, err)
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h *redisHook) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		began := time.Now()
		err := next(ctx, cmds)
		h.ended(began, err)
		return err
	}
}

// ended counts an answer of Redis, as that there is no such key, as no failure.
func (h *redisHook) ended(began time.Time, err error) {
	h.took.Observe(time.Since(began).Seconds())
	var answer redis.Error
	if err != nil && !errors.As(err, &answer) {
		h.failed.Inc()
	}
}
