package attack

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
	"github.com/mediaferry/mediaferry/tasks"
)

func processAttacks() []*Attack {
	short := between(50*time.Millisecond, 500*time.Millisecond)
	return []*Attack{
		{Name: "worker-kill", about: "kill -9 a worker", kill: true, weight: 6, length: short, inject: killWorker},
		{Name: "worker-stop", about: "SIGSTOP a worker for longer than its lease, then SIGCONT; one is left", kill: true, weight: 2, background: true,
			length: stopLength, inject: stopWorker},
		{Name: "worker-roll", about: "SIGTERM every worker, one after the other", kill: true, weight: 1, length: short,
			inject: func(_ context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
				return roll(f.Workers, "workers", r)
			}},
		{Name: "producer-kill", about: "kill -9 a producer", kill: true, weight: 3, length: short, inject: killProducer},
		{Name: "producer-stop", about: "SIGSTOP a producer, then SIGCONT", kill: true, weight: 1, background: true, length: perLease(0.5, 1.5), inject: stopProducer},
	}
}

// stopLength is longer than a lease, so that other workers take over meanwhile. It is up to 45 s with the usual lease, and
// shorter in a short run.
func stopLength(run scenario.Run, r *rand.Rand) time.Duration {
	if run.Lease < scenario.LongLease {
		return perLease(1.3, 3.5)(run, r)
	}
	return perLease(1.5, 4.5)(run, r)
}

// choose picks a running process that no other attack holds. It waits a moment for one. At least spare other processes
// stay untouched.
func choose(ctx context.Context, r *rand.Rand, ps []*process.Process, spare int) (*process.Process, error) {
	var chosen *process.Process
	err := wait.Until(ctx, 2*process.RestartPause, func() error {
		free := slices.DeleteFunc(slices.Clone(ps), func(p *process.Process) bool { return p.PID() == 0 || p.Held() })
		if len(free) <= spare {
			return process.ErrNotRunning
		}
		chosen = free[r.IntN(len(free))]
		return nil
	})
	return chosen, err
}

func killWorker(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	p, err := choose(ctx, r, f.Workers, 0)
	if err != nil {
		return effect{}, err
	}
	if err := p.Down(syscall.SIGKILL, time.Second); err != nil {
		return effect{}, err
	}
	return effect{target: p.Name, running: runningUploads(ctx, f), revert: reverting(func() error { p.Up(); return nil })}, nil
}

// runningUploads lists the uploads that run in any worker. Those of a worker that has just been killed are among them. It
// returns nil when the ledger is away.
func runningUploads(ctx context.Context, f *fleet.Fleet) []uuid.UUID {
	running, err := f.List(ctx, tasks.Running)
	if err != nil {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(running))
	for _, o := range running {
		ids = append(ids, o.ID)
	}
	return ids
}

func stopWorker(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	p, err := choose(ctx, r, f.Workers, min(1, len(f.Workers)-1)) // somebody must take over
	if err != nil {
		return effect{}, err
	}
	err = p.Freeze()
	return effect{target: p.Name, running: runningUploads(ctx, f), revert: reverting(p.Thaw)}, err
}

func stopProducer(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	p, err := choose(ctx, r, f.Producers, 0)
	if err != nil {
		return effect{}, err
	}
	return effect{target: p.Name, revert: reverting(p.Thaw)}, p.Freeze()
}

func killProducer(ctx context.Context, f *fleet.Fleet, r *rand.Rand) (effect, error) {
	p, err := choose(ctx, r, f.Producers, 0)
	if err != nil {
		return effect{}, err
	}
	return effect{target: p.Name, revert: reverting(func() error { p.Up(); return nil })}, p.Down(syscall.SIGKILL, time.Second)
}

// roll restarts the processes one after the other, as a deployment does. It takes as long as they take to drain.
func roll(ps []*process.Process, what string, r *rand.Rand) (effect, error) {
	n := 0
	for _, i := range r.Perm(len(ps)) {
		p := ps[i]
		if p.PID() == 0 || p.Held() {
			continue
		}
		err := p.Down(syscall.SIGTERM, fleet.DrainTime)
		p.Up()
		if err != nil {
			return effect{}, err
		}
		n++
	}
	return effect{target: fmt.Sprintf("%d %s", n, what), revert: reverting(func() error { return nil })}, nil
}
