package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"
)

// clockAttacks set clocks wrong by hours. An SQLite ledger goes by the clock of the machine that all its processes run
// on; with PostgreSQL each process may be wrong for itself.
func clockAttacks() []*attack {
	length := between(500*time.Millisecond, 2*time.Second)
	return []*attack{
		{name: clockAhead, about: "the machine's clock jumps ahead by hours, and stays so", ledger: "sqlite", clocks: true, length: length, strike: jumpAhead},
		{name: clockBack, about: "the machine's clock is hours ahead, then set right", ledger: "sqlite", clocks: true, length: length, strike: jumpBack},
		{name: clockProcess, about: "the clock of one process jumps by hours, and back", ledger: "postgres", clocks: true, length: length, strike: jumpOne},
	}
}

const (
	clockAhead   = "clock-ahead"
	clockBack    = "clock-back"
	clockProcess = "clock-process"
)

// mostSkew is how many hours a clock is wrong at most: what a ledger promises for a day, it promises by its own clock.
const mostSkew = 20

// setAll sets the clocks of all processes on the machine.
func (f *field) setAll(skew time.Duration) (err error) {
	for _, c := range f.clocks {
		err = errors.Join(err, c.set(skew))
	}
	return err
}

func jumpAhead(_ context.Context, f *field, r *rand.Rand) (wound, error) {
	if f.skew >= mostSkew*time.Hour {
		return wound{}, fmt.Errorf("the clock is %v ahead already: beyond a day other promises end", f.skew)
	}
	f.skew += time.Duration(1+r.IntN(3)) * time.Hour
	return wound{what: fmt.Sprintf("%v in all", f.skew), skew: f.skew}, f.setAll(f.skew)
}

func jumpBack(_ context.Context, f *field, r *rand.Rand) (wound, error) {
	skew := f.skew + time.Duration(1+r.IntN(3))*time.Hour
	return wound{what: fmt.Sprintf("%v for a while", skew), skew: skew, heal: heals(func() error { return f.setAll(f.skew) })}, f.setAll(skew)
}

func jumpOne(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
	skew := time.Duration(1+r.IntN(mostSkew)) * time.Hour
	if r.IntN(2) == 0 {
		skew = -skew
	}
	p, err := choose(ctx, r, f.workers, 0)
	if err != nil {
		return wound{}, err
	}
	c := f.clocks[p.name]
	return wound{what: fmt.Sprintf("%s by %v", p.name, skew), skew: skew, heal: heals(func() error { return c.set(0) })}, c.set(skew)
}
