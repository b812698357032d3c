package attack

import (
	"context"
	"math/rand/v2"
	"syscall"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
)

// serveAttacks hit the processes that serve the API.
func serveAttacks() []*Attack {
	short := between(50*time.Millisecond, 500*time.Millisecond)
	return []*Attack{
		{Name: "serve-kill", about: "kill -9 an API server", kill: true, needsServers: true, weight: 2, length: short, inject: killServe},
		{Name: "serve-stop", about: "SIGSTOP an API server, then SIGCONT", kill: true, needsServers: true, weight: 1, background: true, length: perLease(1, 3.5), inject: stopServe},
		{Name: "serve-roll", about: "SIGTERM every API server, one after the other", kill: true, needsServers: true, weight: 1, length: short,
			inject: func(_ context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
				return roll(f.Serves, "API servers", r)
			}},
	}
}

func killServe(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	p, err := choose(ctx, r, f.Serves, 0)
	if err != nil {
		return effect{}, err
	}
	return effect{target: p.Name, revert: reverting(func() error { p.Up(); return nil })}, p.Down(syscall.SIGKILL, time.Second)
}

func stopServe(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	p, err := choose(ctx, r, f.Serves, 0)
	if err != nil {
		return effect{}, err
	}
	return effect{target: p.Name, revert: reverting(p.Thaw)}, p.Freeze()
}
