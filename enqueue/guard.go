package enqueue

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mediaferry/mediaferry/tasks"
)

// Guard slows down attempts to guess a key: after some failures an address must wait. It is safe for concurrent use.
type Guard struct {
	now   func() time.Time
	mu    sync.Mutex
	tries map[string]*rate.Limiter
}

// An address may fail ten times at once, and then once in six seconds. At most maxGuarded addresses are remembered.
const (
	failBurst  = 10
	failEvery  = 6 * time.Second
	maxGuarded = 10_000
)

// NewGuard returns a guard with a clock. Nil: time.Now.
func NewGuard(now func() time.Time) *Guard {
	if now == nil {
		now = time.Now
	}
	return &Guard{now: now, tries: map[string]*rate.Limiter{}}
}

// Check looks up a key, and counts a failure against the address that it came from. A valid key is always accepted, also
// after failures from the same address. Check returns Unauthorized for a key that is not known, and TooMany where too many
// of them came.
func (g *Guard) Check(from string, find func() (tasks.Key, bool, error)) (tasks.Key, error) {
	k, ok, err := find()
	if err != nil {
		return tasks.Key{}, err
	}
	if ok {
		return k, nil
	}
	if wait := g.failed(from); wait > 0 {
		return tasks.Key{}, &tasks.Error{Code: tasks.TooMany, Op: "check key", Err: tasks.Textf("too many unknown keys came from this address"), RetryAfter: wait}
	}
	return tasks.Key{}, &tasks.Error{Code: tasks.Unauthorized, Op: "check key", Err: tasks.Textf("the key is not known, or was revoked")}
}

// failed counts a failure, and returns how long the address should wait.
func (g *Guard) failed(from string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if len(g.tries) >= maxGuarded {
		for a, l := range g.tries {
			if l.TokensAt(now) >= failBurst {
				delete(g.tries, a)
			}
		}
		if len(g.tries) >= maxGuarded {
			from = "" // all the rest together
		}
	}
	l, ok := g.tries[from]
	if !ok {
		l = rate.NewLimiter(rate.Every(failEvery), failBurst)
		g.tries[from] = l
	}
	if l.AllowN(now, 1) {
		return 0
	}
	return failEvery
}
