package webhook

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// The numbers of the breaker. A dead receiver costs five requests of fifteen seconds before it gets no requests for a
// minute. Then one request finds out whether it is back.
const (
	breakerFailures = 5
	breakerOpen     = time.Minute
	maxEndpoints    = 1024 // remembered at once; the least recently called one is forgotten first
)

// breakers keeps one breaker for each endpoint. It is safe for concurrent use.
type breakers struct {
	mu   sync.Mutex
	byID *lru.Cache[string, *breaker]
}

// breaker counts failures in a row. After breakerFailures it is open for a time. When that has passed, it allows one
// request.
type breaker struct {
	failures int
	until    time.Time
}

func newBreakers() *breakers {
	// The size is a positive constant, which is all that New can refuse.
	cache, _ := lru.New[string, *breaker](maxEndpoints)
	return &breakers{byID: cache}
}

// admit returns 0 if a request may be made, and otherwise the time to wait. A request that was admitted must be reported.
// While one request finds out whether the endpoint is back, admit refuses all others.
func (b *breakers) admit(endpoint string, now time.Time) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	br, known := b.byID.Get(endpoint)
	if !known || br.failures < breakerFailures {
		return 0
	}
	if now.Before(br.until) {
		return br.until.Sub(now)
	}
	br.until = now.Add(breakerOpen)
	return 0
}

// report records the result of a request. It returns true if this request opened the breaker.
func (b *breakers) report(endpoint string, v verdict, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	br, known := b.byID.Get(endpoint)
	switch {
	case v == alive:
		b.byID.Remove(endpoint)
		return false
	case v == unproven:
		if known {
			br.until = now // the next one finds out
		}
		return false
	case !known:
		br = &breaker{}
		b.byID.Add(endpoint, br)
	}
	br.failures++
	br.until = now.Add(breakerOpen)
	return br.failures == breakerFailures
}

// verdict is what a request shows about the endpoint.
type verdict int8

const (
	alive    verdict = iota // it answered
	down                    // it did not answer, or answered that it is overloaded or its backend is dead
	unproven                // we did not make the request, or gave it up
)
