package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

// clockAttacks set clocks wrong by hours. All processes of an SQLite ledger run on one machine, and so have one clock.
// With PostgreSQL each process has its own.
func clockAttacks() []*Attack {
	length := between(500*time.Millisecond, 2*time.Second)
	return []*Attack{
		{Name: history.ClockAhead, about: "the machine's clock jumps ahead by hours, and stays so", ledger: "sqlite", NeedsClocks: true, length: length, inject: jumpAhead},
		{Name: history.ClockBack, about: "the machine's clock is hours ahead, then set right", ledger: "sqlite", NeedsClocks: true, length: length, inject: jumpBack},
		{Name: history.ClockProcess, about: "the clock of one process jumps by hours, and back", ledger: "postgres", NeedsClocks: true, length: length, inject: jumpOne},
	}
}

// mostSkew is how many hours a clock is wrong at most. A skew of a day would end what the ledger keeps for a day.
const mostSkew = 20

func jumpAhead(_ context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	if f.Skew >= mostSkew*time.Hour {
		return effect{}, fmt.Errorf("the clock is %v ahead already: after a day the ledger forgets idempotency keys", f.Skew)
	}
	f.Skew += time.Duration(1+r.IntN(3)) * time.Hour
	return effect{target: fmt.Sprintf("%v in all", f.Skew), skew: f.Skew}, f.SetClocks(f.Skew)
}

func jumpBack(_ context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	skew := f.Skew + time.Duration(1+r.IntN(3))*time.Hour
	return effect{target: fmt.Sprintf("%v for a while", skew), skew: skew, revert: reverting(func() error { return f.SetClocks(f.Skew) })}, f.SetClocks(skew)
}

func jumpOne(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	skew := time.Duration(1+r.IntN(mostSkew)) * time.Hour
	if r.IntN(2) == 0 {
		skew = -skew
	}
	p, err := choose(ctx, r, f.Workers, 0)
	if err != nil {
		return effect{}, err
	}
	e := effect{target: fmt.Sprintf("%s by %v", p.Name, skew), skew: f.ClockSkew(p.Name) + skew}
	e.revert = reverting(func() error { return f.SetClock(p.Name, 0) })
	return e, f.SetClock(p.Name, skew)
}
