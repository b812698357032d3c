package wechat

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// Pacer counts calls against a limit per minute. It must be safe for concurrent use.
type Pacer interface {
	// Take takes one call from the account's limit and returns 0, or takes none and returns how long to wait.
	Take(ctx context.Context, account string, perMinute int) (time.Duration, error)
}

// gcra splits a limit so that no minute, wherever it begins, sees more than perMinute calls: a burst of b and then
// one call in each 1/rate makes b + rate - 1 of them.
func gcra(perMinute int) (burst, rate int) {
	burst = max(1, perMinute/20)
	return burst, perMinute - burst + 1
}

// memoryPacer is the generic cell rate algorithm in one process.
type memoryPacer struct {
	now func() time.Time

	mu  sync.Mutex
	tat map[string]time.Time // theoretical arrival time of each account's next call
}

func newMemoryPacer() *memoryPacer {
	return &memoryPacer{now: time.Now, tat: map[string]time.Time{}}
}

func (m *memoryPacer) Take(_ context.Context, account string, perMinute int) (time.Duration, error) {
	burst, rate := gcra(perMinute)
	step := (time.Minute + time.Duration(rate) - 1) / time.Duration(rate)
	m.mu.Lock()
	defer m.mu.Unlock()
	now, tat := m.now(), m.tat[account]
	if tat.Before(now) {
		tat = now
	}
	if wait := tat.Sub(now) - time.Duration(burst-1)*step; wait > 0 {
		return wait, nil
	}
	m.tat[account] = tat.Add(step)
	return 0, nil
}

// RedisPacer is the same algorithm for a whole fleet, by Redis' own clock.
type RedisPacer struct {
	limiter *redis_rate.Limiter
	prefix  string
}

// NewRedisPacer returns a pacer that everybody shares who uses the same Redis and prefix. Keys begin with "rate:"
// and the prefix. The client should give up when a call's context does (ContextTimeoutEnabled).
func NewRedisPacer(rdb redis.UniversalClient, prefix string) *RedisPacer {
	return &RedisPacer{redis_rate.NewLimiter(rdb), prefix}
}

// Take implements Pacer.
func (p *RedisPacer) Take(ctx context.Context, account string, perMinute int) (time.Duration, error) {
	burst, rate := gcra(perMinute)
	r, err := p.limiter.Allow(ctx, p.prefix+"calls:"+account, redis_rate.Limit{Rate: rate, Burst: burst, Period: time.Minute})
	if err != nil {
		return 0, err
	}
	return max(0, r.RetryAfter), nil // -1 where it was allowed
}

// gate lets the upload calls of one account through: so many at once, and so many a minute.
type gate struct {
	account string
	slots   chan struct{} // nil: no limit
	turn    chan struct{} // one caller at a time asks the pacer, in the order of coming
	set     int           // calls a minute as the settings say; 0: no limit
	rate    atomic.Int64  // calls a minute in force
	pacer   Pacer
	own     *memoryPacer // takes over while pacer fails, so that an outage does not unleash the account
	log     *slog.Logger
	now     func() time.Time
	away    time.Time // until then the pacer is not asked; guarded by turn
}

func newGate(a Account, key string, cfg Config) *gate {
	g := &gate{account: key, turn: make(chan struct{}, 1), set: a.RatePerMinute, pacer: cfg.Pacer, own: newMemoryPacer(), log: cfg.Log.With("account", a.Name), now: cfg.Now}
	if a.Concurrency > 0 {
		g.slots = make(chan struct{}, a.Concurrency)
	}
	g.rate.Store(int64(a.RatePerMinute))
	return g
}

// limit lowers the rate to perMinute (0: leaves it) and returns the rate in force.
func (g *gate) limit(perMinute int) int {
	if perMinute > 0 && (g.set == 0 || perMinute < g.set) {
		g.rate.Store(int64(perMinute))
	} else {
		g.rate.Store(int64(g.set))
	}
	return int(g.rate.Load())
}

// enter waits for a slot. leave gives it back.
func (g *gate) enter(ctx context.Context) (leave func(), err error) {
	if g.slots == nil {
		return func() {}, nil
	}
	select {
	case g.slots <- struct{}{}:
		return func() { <-g.slots }, nil
	case <-ctx.Done():
		return nil, gaveUp(ctx)
	}
}

// call waits until one more call fits into the account's minute.
func (g *gate) call(ctx context.Context) error {
	if g.rate.Load() <= 0 {
		return nil
	}
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return gaveUp(ctx)
	}
	for {
		wait := g.take(ctx)
		if wait <= 0 {
			return nil
		}
		if err := pause(ctx, wait); err != nil {
			return gaveUp(ctx)
		}
	}
}

func (g *gate) take(ctx context.Context) time.Duration {
	rate := int(g.rate.Load())
	if rate <= 0 {
		return 0
	}
	if g.now().Before(g.away) {
		wait, _ := g.own.Take(ctx, g.account, rate) // memory does not fail
		return wait
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	wait, err := g.pacer.Take(ctx, g.account, rate)
	if err == nil {
		if !g.away.IsZero() {
			g.log.Info("shared call rate is back")
			g.away = time.Time{}
		}
		return wait
	}
	if g.away.IsZero() {
		g.log.Warn("shared call rate not at hand, counting in this process", "err", err)
	}
	g.away = g.now().Add(storeAway)
	wait, _ = g.own.Take(ctx, g.account, rate)
	return wait
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// gaveUp is the error of an upload whose caller's context ended before its call was made.
func gaveUp(ctx context.Context) error {
	return &tasks.Error{Code: tasks.Temporary, Op: "wait for the account's turn", Err: ended(ctx)}
}
