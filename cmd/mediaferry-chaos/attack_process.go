package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// drainTime is how long a process may take over a SIGTERM: its shutdown_timeout, and what handing back costs.
const drainTime = 15 * time.Second

func processAttacks() []*attack {
	short := between(50*time.Millisecond, 500*time.Millisecond)
	return []*attack{
		{name: "worker-kill", about: "kill -9 a worker", kill: true, weight: 6, length: short, strike: killWorker},
		{name: "worker-stop", about: "SIGSTOP a worker for longer than its lease, then SIGCONT; one is left", kill: true, weight: 2, beside: true,
			length: standstill, strike: stopWorker},
		{name: "worker-roll", about: "SIGTERM every worker, one after the other", kill: true, weight: 1, length: short,
			strike: func(_ context.Context, f *field, r *rand.Rand) (wound, error) { return roll(f.workers, "workers", r) }},
		{name: "producer-kill", about: "kill -9 a producer", kill: true, weight: 3, length: short, strike: killProducer},
		{name: "producer-stop", about: "SIGSTOP a producer, then SIGCONT", kill: true, weight: 1, beside: true, length: perLease(0.5, 1.5), strike: stopProducer},
	}
}

// standstill is always longer than a lease, so that the uploads are somebody else's by its end: up to 45 s with the
// usual lease, and shorter with the short lease of a short run, which would else see one of them only.
func standstill(l leg, r *rand.Rand) time.Duration {
	if l.Lease < longLease {
		return perLease(1.3, 3.5)(l, r)
	}
	return perLease(1.5, 4.5)(l, r)
}

// choose picks one that runs and that no other strike has in its hands, waiting a moment for one. It leaves spare others
// as they are.
func choose(ctx context.Context, r *rand.Rand, ps []*process, spare int) (*process, error) {
	var chosen *process
	err := untilNil(ctx, 2*restartPause, func() error {
		free := slices.DeleteFunc(slices.Clone(ps), func(p *process) bool { return p.running() == 0 || p.stopped() })
		if len(free) <= spare {
			return errNotRunning
		}
		chosen = free[r.IntN(len(free))]
		return nil
	})
	return chosen, err
}

func killWorker(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
	p, err := choose(ctx, r, f.workers, 0)
	if err != nil {
		return wound{}, err
	}
	if err := p.down(syscall.SIGKILL, time.Second); err != nil {
		return wound{}, err
	}
	return wound{what: p.name, busy: f.busy(ctx), heal: heals(func() error { p.up(); return nil })}, nil
}

// busy lists the uploads that are running, by whomever: those of a worker that has just died are among them. Nil where
// the ledger is away: then nothing can be said.
func (f *field) busy(ctx context.Context) []uuid.UUID {
	running, err := f.open(ctx, tasks.Running)
	if err != nil {
		return nil
	}
	ids := make([]uuid.UUID, 0, len(running))
	for _, o := range running {
		ids = append(ids, o.ID)
	}
	return ids
}

func stopWorker(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
	p, err := choose(ctx, r, f.workers, min(1, len(f.workers)-1)) // somebody must take over
	if err != nil {
		return wound{}, err
	}
	err = p.freeze()
	return wound{what: p.name, busy: f.busy(ctx), heal: heals(p.thaw)}, err
}

func stopProducer(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
	p, err := choose(ctx, r, f.producers, 0)
	if err != nil {
		return wound{}, err
	}
	return wound{what: p.name, heal: heals(p.thaw)}, p.freeze()
}

func killProducer(ctx context.Context, f *field, r *rand.Rand) (wound, error) {
	p, err := choose(ctx, r, f.producers, 0)
	if err != nil {
		return wound{}, err
	}
	return wound{what: p.name, heal: heals(func() error { p.up(); return nil })}, p.down(syscall.SIGKILL, time.Second)
}

// roll is what a deployment does. It takes as long as the processes take to drain.
func roll(ps []*process, what string, r *rand.Rand) (wound, error) {
	n := 0
	for _, i := range r.Perm(len(ps)) {
		p := ps[i]
		if p.running() == 0 || p.stopped() {
			continue
		}
		err := p.down(syscall.SIGTERM, drainTime)
		p.up()
		if err != nil {
			return wound{}, err
		}
		n++
	}
	return wound{what: fmt.Sprintf("%d %s", n, what), heal: heals(func() error { return nil })}, nil
}
