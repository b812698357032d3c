// Package attack harms a running fleet in many ways, by a schedule that the seed makes, and reverts the harm.
package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

// Attack is one way to do harm.
type Attack struct {
	Name         string
	about        string
	track        int    // internal or external
	kill         bool   // it counts as one of -kills
	weight       int    // of a kill: how often it comes, relative to other kills
	ledger       string // it needs this kind of ledger; empty: any
	needsServers bool   // it needs API servers
	NeedsClocks  bool   // it needs processes whose clocks can be set
	background   bool   // the next attack of its track may begin before it ends
	length       func(run scenario.Run, r *rand.Rand) time.Duration
	// inject does the harm. All of its choices come from r.
	inject func(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error)
}

// effect is what inject did.
type effect struct {
	target  string                      // for people: what was hit, and how
	skew    time.Duration               // how far clocks were set wrong
	running []uuid.UUID                 // uploads that ran when a worker was killed or stopped
	revert  func(context.Context) error // nil: there is nothing to revert
}

// All returns all attacks.
func All() []*Attack {
	var all []*Attack
	for _, some := range [][]*Attack{processAttacks(), serveAttacks(), clockAttacks(), redisAttacks(), netAttacks(), ledgerAttacks(), WeChatAttacks(), ReceiverAttacks(), sourceAttacks()} {
		all = append(all, some...)
	}
	return all
}

// Find returns the attack of that name, nil if there is none.
func Find(name string) *Attack {
	for _, a := range All() {
		if a.Name == name {
			return a
		}
	}
	return nil
}

// Usage lists all attacks for people, one a line.
func Usage() string {
	var b strings.Builder
	for _, a := range All() {
		fmt.Fprintf(&b, "  %-18s %s\n", a.Name, a.about)
	}
	return b.String()
}

// between returns lengths from low to high.
func between(low, high time.Duration) func(scenario.Run, *rand.Rand) time.Duration {
	return func(_ scenario.Run, r *rand.Rand) time.Duration {
		return low + time.Duration(r.Int64N(int64(high-low)))
	}
}

// perLease returns lengths from low to high, in leases.
func perLease(low, high float64) func(scenario.Run, *rand.Rand) time.Duration {
	return func(run scenario.Run, r *rand.Rand) time.Duration {
		return time.Duration((low + r.Float64()*(high-low)) * float64(run.Lease))
	}
}

// reverting makes a revert of a function that needs no context.
func reverting(f func() error) func(context.Context) error {
	return func(context.Context) error { return f() }
}
