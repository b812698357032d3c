package webhook

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// The numbers of the breaker. Five requests of fifteen seconds are what a dead receiver may cost before it is left
// alone for a minute; one request then finds out whether it is back.
const (
	breakerFailures = 5
	breakerOpen     = time.Minute
	maxEndpoints    = 1024 // remembered at once; the one not called for the longest time is forgotten first
)

// breakers keeps one breaker for each endpoint. Safe for concurrent use.
type breakers struct {
	mu   sync.Mutex
	byID *lru.Cache[string, *breaker]
}

// breaker counts failures in a row. From breakerFailures on it is open until a time, and lets one request through
// each time that has passed.
type breaker struct {
	failures int
	until    time.Time
}

func newBreakers() *breakers {
	// The size is a positive constant, which is all that New can refuse.
	cache, _ := lru.New[string, *breaker](maxEndpoints)
	return &breakers{byID: cache}
}

// admit returns 0 when a request may be made, which must then be reported, or how long to leave the endpoint alone.
// The one that finds out whether the endpoint is back closes the door behind it.
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

// report takes how a request ended. It returns true when this one opened the breaker.
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

// verdict is what a request said about the endpoint as a whole.
type verdict int8

const (
	alive    verdict = iota // it answered, whatever it thinks of this event
	down                    // no answer, or one that says overload or a dead backend
	unproven                // the request was not made, or given up by us
)
