package ledger

import (
	"errors"
	"sync"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// claims are the claims under way through one Ledger. The writer only needs their number.
type claims struct {
	mu   sync.Mutex
	live map[uuid.UUID]struct{}
}

func (c *claims) begin(k tasks.Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == nil {
		c.live = map[uuid.UUID]struct{}{}
	}
	c.live[k.Claim] = struct{}{}
}

func (c *claims) remove(ks ...tasks.Token) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range ks {
		delete(c.live, k.Claim)
	}
}

func (c *claims) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.live)
}

// over notes that a claim has ended, if err says so, and returns err.
func (c *claims) over(k tasks.Token, err error) error {
	if err == nil || errors.Is(err, tasks.ErrFenced) {
		c.remove(k)
	}
	return err
}
