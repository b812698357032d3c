package main

import (
	"context"
	"math/rand/v2"
	"time"
)

// netAttacks make one of the three networks bad in one of four ways.
func netAttacks() []*attack {
	ways := []struct {
		name  string
		about string
		mode  proxyMode
	}{
		{"lag", "every piece of data late", lagging},
		{"cut", "connections reset and refused", cutOff},
		{"half", "connections that stay open while nothing passes", halfOpen},
		{"drip", "a few bytes at a time", dripping},
	}
	var all []*attack
	for _, net := range []string{"redis", "ledger", "wechat"} {
		for _, way := range ways {
			a := &attack{
				name: "net-" + net + "-" + way.name, about: "between workers and " + net + ": " + way.about,
				length: between(500*time.Millisecond, 1500*time.Millisecond), strike: spoil(net, way.mode),
			}
			if net == "ledger" {
				a.ledger = "postgres" // SQLite has no network
			}
			if net == "wechat" {
				a.lane = laneFaults
			}
			all = append(all, a)
		}
	}
	return all
}

func spoil(net string, mode proxyMode) func(context.Context, *field, *rand.Rand) (wound, error) {
	return func(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
		f.nets[net].set(mode)
		return wound{what: net, heal: heals(func() error { f.nets[net].set(passing); return nil })}, nil
	}
}
