package enqueue

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Rates holds each producer to its uploads a minute, in this process. Make it with NewRates. It is safe for concurrent use.
type Rates struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[string]*rate.Limiter
}

// NewRates returns Rates with the clock now. Nil: time.Now.
func NewRates(now func() time.Time) *Rates {
	if now == nil {
		now = time.Now
	}
	return &Rates{now: now, by: map[string]*rate.Limiter{}}
}

// Of returns the producer's limiter, and nil if it has no limit. The uploads of a minute may come at once.
func (r *Rates) Of(producer string, perMinute int) *rate.Limiter {
	if perMinute <= 0 {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	limit := rate.Limit(float64(perMinute) / time.Minute.Seconds())
	l, ok := r.by[producer]
	if !ok {
		l = rate.NewLimiter(limit, perMinute)
		r.by[producer] = l
	}
	if l.Burst() != perMinute {
		l.SetLimitAt(r.now(), limit)
		l.SetBurstAt(r.now(), perMinute)
	}
	return l
}

// reserve takes one upload, or returns the time to wait for it.
func (r *Rates) reserve(producer string, perMinute int) time.Duration {
	l := r.Of(producer, perMinute)
	if l == nil {
		return 0
	}
	now := r.now()
	taken := l.ReserveN(now, 1)
	wait := taken.DelayFrom(now)
	if wait > 0 {
		taken.CancelAt(now)
	}
	return wait
}

// allowed returns the number of uploads that the producer may submit now, at most n.
func (r *Rates) allowed(producer string, perMinute, n int) int {
	l := r.Of(producer, perMinute)
	if l == nil {
		return n
	}
	return max(0, min(n, int(l.TokensAt(r.now()))))
}

// take takes n uploads if the rate allows all of them, and reports whether it did.
func (r *Rates) take(producer string, perMinute, n int) bool {
	l := r.Of(producer, perMinute)
	return l == nil || l.AllowN(r.now(), n)
}
