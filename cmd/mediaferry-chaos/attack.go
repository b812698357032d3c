package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/google/uuid"
)

// attack is one way to do harm. What it leaves to chance it takes from r alone.
type attack struct {
	name   string
	about  string
	lane   int
	kill   bool   // counts as one of -kills
	weight int    // among kills; others come in turn
	ledger string // empty: with any ledger
	serves bool   // strikes API servers
	clocks bool   // needs processes whose clocks can be set
	// beside lets its lane go on while it lasts.
	beside bool
	length func(l leg, r *rand.Rand) time.Duration
	strike func(ctx context.Context, f *field, r *rand.Rand) (wound, error)
}

// wound is what a strike left behind.
type wound struct {
	what string        // on whom, and how
	skew time.Duration // how wrong clocks were
	busy []uuid.UUID   // uploads that were running when a worker died or began to stand still
	heal func(context.Context) error
}

// attacks lists them all.
func attacks() []*attack {
	var all []*attack
	for _, some := range [][]*attack{processAttacks(), serveAttacks(), clockAttacks(), redisAttacks(), netAttacks(), ledgerAttacks(), wechatAttacks(), receiverAttacks(), sourceAttacks()} {
		all = append(all, some...)
	}
	return all
}

func findAttack(name string) *attack {
	for _, a := range attacks() {
		if a.name == name {
			return a
		}
	}
	return nil
}

func listAttacks() string {
	var b strings.Builder
	for _, a := range attacks() {
		fmt.Fprintf(&b, "  %-18s %s\n", a.name, a.about)
	}
	return b.String()
}

// between is a length from low to high, the same for every leg.
func between(low, high time.Duration) func(leg, *rand.Rand) time.Duration {
	return func(_ leg, r *rand.Rand) time.Duration { return low + time.Duration(r.Int64N(int64(high-low))) }
}

// perLease is a length of so many leases, from low to high.
func perLease(low, high float64) func(leg, *rand.Rand) time.Duration {
	return func(l leg, r *rand.Rand) time.Duration {
		return time.Duration((low + r.Float64()*(high-low)) * float64(l.Lease))
	}
}

func heals(f func() error) func(context.Context) error {
	return func(context.Context) error { return f() }
}
