package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// gate makes the handlers wait while the ledger is away. One probe asks for all of them whether it is back, and the log gets
// one line at each change. It is safe for concurrent use.
type gate struct {
	ping func(context.Context) error
	log  *slog.Logger
	wake chan struct{} // wakes the probe
	stop context.CancelFunc

	mu   sync.Mutex
	open chan struct{} // closed while the ledger answers
	up   bool
}

// The probe asks at first after probeMin, then less often up to probeMax.
const (
	probeMin = 50 * time.Millisecond
	probeMax = time.Second
)

func newGate(ping func(context.Context) error, log *slog.Logger) *gate {
	ctx, stop := context.WithCancel(context.Background())
	g := &gate{ping: ping, log: log, wake: make(chan struct{}, 1), stop: stop, open: make(chan struct{}), up: true}
	close(g.open)
	go g.probe(ctx)
	return g
}

func (g *gate) close() { g.stop() }

// pass waits until the ledger answers or ctx ends.
func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// shut closes the gate until a probe is answered.
func (g *gate) shut(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.up {
		return
	}
	g.up = false
	g.open = make(chan struct{})
	g.log.Warn("the ledger is away: nothing is claimed until it answers", "error", err)
	g.wake <- struct{}{}
}

// probe asks, whenever the gate was shut, until the ledger answers.
func (g *gate) probe(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
		for wait := probeMin; !g.answers(ctx, wait); wait = min(2*wait, probeMax) {
			if ctx.Err() != nil {
				return
			}
		}
		g.reopen()
	}
}

func (g *gate) answers(ctx context.Context, wait time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
	}
	ctx, cancel := context.WithTimeout(ctx, probeMax)
	defer cancel()
	return g.ping(ctx) == nil
}

func (g *gate) reopen() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.up = true
	close(g.open)
	g.log.Info("the ledger is back")
}
