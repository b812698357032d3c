package enqueue

import (
	"context"
	"time"
)

// Elector lets one of many processes do a work that one alone should do. *ledger.Ledger is one.
type Elector interface {
	// Lead makes holder the leader of role for ttl from now, or keeps it so, and reports whether it leads.
	Lead(ctx context.Context, role, holder string, ttl time.Duration) (bool, error)
	// Resign lets another one lead at once. It bounds its own time.
	Resign(ctx context.Context, role, holder string) error
}

// candidate is one process that stands for a role. It belongs to one goroutine.
type candidate struct {
	elector      Elector
	role, holder string
	ttl          time.Duration

	leading  bool
	mayStand bool // in the ledger as the leader: also where the answer was lost
}

// stand makes the process the leader, or keeps it so, and reports whether it leads.
func (c *candidate) stand(ctx context.Context) (bool, error) {
	c.leading, c.mayStand = false, true
	leads, err := c.elector.Lead(ctx, c.role, c.holder, c.ttl)
	if err != nil {
		return false, err
	}
	c.leading, c.mayStand = leads, leads
	return leads, nil
}

// resign lets another process lead at once, when this one goes down in good order. The elector bounds the call.
func (c *candidate) resign(ctx context.Context) {
	if c.mayStand {
		_ = c.elector.Resign(context.WithoutCancel(ctx), c.role, c.holder) // its term ends by itself anyway
	}
}
