package attack

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
)

// Execute makes every attack of the schedule, and returns when the last is reverted. It calls say for each attack.
func Execute(ctx context.Context, f *fleet.Fleet, start time.Time, say func(format string, args ...any)) []history.Injection {
	all := Schedule(f.Run)
	made := make([]history.Injection, len(all))
	var background, tracked sync.WaitGroup
	for track := range tracks {
		tracked.Go(func() {
			for i, p := range all {
				a := Find(p.Attack)
				if a.track != track || wait.Sleep(ctx, time.Until(start.Add(p.At))) != nil {
					continue
				}
				if a.background {
					background.Go(func() { made[i] = inject(ctx, f, a, p, say) })
					continue
				}
				made[i] = inject(ctx, f, a, p, say)
			}
		})
	}
	tracked.Wait()
	background.Wait()
	_ = wait.Sleep(ctx, time.Until(start.Add(f.Run.Duration))) // ends early with ctx
	return made
}

// inject makes one attack, and reverts it when its time is over.
func inject(ctx context.Context, f *fleet.Fleet, a *Attack, p history.Planned, say func(format string, args ...any)) history.Injection {
	s := history.Injection{Planned: p, Started: time.Now()}
	e, err := a.inject(ctx, f, rand.New(rand.NewPCG(p.Seed, 0)))
	s.Target, s.Running, s.Skew = e.target, e.running, e.skew
	f.Follow(e.running)
	if err != nil {
		s.Err = err.Error()
	}
	say("%-18s %-24s for %v %s", p.Attack, s.Target, p.For.Round(time.Millisecond), s.Err)
	if e.revert != nil {
		_ = wait.Sleep(ctx, p.For)
		if err := e.revert(ctx); err != nil && s.Err == "" {
			s.Err = "revert: " + err.Error()
		}
	}
	s.Ended = time.Now()
	return s
}
