package enqueue

import "sync"

// InFlight counts what each caller has under way. It is safe for concurrent use.
type InFlight struct {
	mu sync.Mutex
	by map[string]int
}

// NewInFlight returns one that has counted nothing.
func NewInFlight() *InFlight { return &InFlight{by: map[string]int{}} }

// Enter counts one more, unless the caller has most of them under way.
func (c *InFlight) Enter(who string, most int) (leave func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[who] >= most {
		return nil, false
	}
	c.by[who]++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.by[who]--; c.by[who] == 0 {
			delete(c.by, who)
		}
	}, true
}
