package main

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"
)

// serveAttacks strike the processes that answer HTTP.
func serveAttacks() []*attack {
	short := between(50*time.Millisecond, 500*time.Millisecond)
	return []*attack{
		{name: "serve-kill", about: "kill -9 an API server", kill: true, serves: true, weight: 2, length: short, strike: killServe},
		{name: "serve-stop", about: "SIGSTOP an API server, then SIGCONT", kill: true, serves: true, weight: 1, beside: true, length: perLease(1, 3.5), strike: stopServe},
		{name: "serve-roll", about: "SIGTERM every API server, one after the other", kill: true, serves: true, weight: 1, length: short,
			strike: func(_ context.Context, f *field, r *rand.Rand) (wound, error) {
				return roll(f.serves, "API servers", r)
			}},
	}
}

func killServe(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
	p, err := choose(ctx, r, f.serves, 0)
	if err != nil {
		return wound{}, err
	}
	return wound{what: p.name, heal: heals(func() error { p.up(); return nil })}, p.down(syscall.SIGKILL, time.Second)
}

func stopServe(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
	p, err := choose(ctx, r, f.serves, 0)
	if err != nil {
		return wound{}, err
	}
	return wound{what: p.name, heal: heals(p.thaw)}, p.freeze()
}
