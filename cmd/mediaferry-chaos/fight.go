package main

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// fight makes every strike of the schedule, and returns once the last is healed.
func (f *field) fight(ctx context.Context, start time.Time, tell *teller) []strike {
	schedule := f.schedule()
	strikes := make([]strike, len(schedule))
	var beside, both sync.WaitGroup
	for lane := range lanes {
		both.Go(func() {
			for i, p := range schedule {
				a := findAttack(p.Attack)
				if a.lane != lane || sleep(ctx, time.Until(start.Add(p.At))) != nil {
					continue
				}
				if a.beside {
					beside.Go(func() { strikes[i] = f.strike(ctx, a, p, tell) })
					continue
				}
				strikes[i] = f.strike(ctx, a, p, tell)
			}
		})
	}
	both.Wait()
	beside.Wait()
	_ = sleep(ctx, time.Until(start.Add(f.Duration))) // a short end only
	return strikes
}

// strike makes one of them, and heals it.
func (f *field) strike(ctx context.Context, a *attack, p planned, tell *teller) strike {
	s := strike{planned: p, Struck: time.Now()}
	w, err := a.strike(ctx, f, rand.New(rand.NewPCG(p.Seed, 0)))
	s.What, s.Busy, s.Skew = w.what, w.busy, w.skew
	f.watching.follow(w.busy)
	if err != nil {
		s.Err = err.Error()
	}
	tell.say("%-18s %-24s for %v %s", p.Attack, s.What, p.For.Round(time.Millisecond), s.Err)
	if w.heal != nil {
		_ = sleep(ctx, p.For)
		if err := w.heal(ctx); err != nil && s.Err == "" {
			s.Err = "heal: " + err.Error()
		}
	}
	s.Healed = time.Now()
	return s
}

// patience is how long a healed fleet may take to come to rest.
func (l leg) patience() time.Duration {
	if l.Planted != "" {
		return 10 * time.Second // some of the bugs never let it
	}
	if l.Untimed {
		return time.Hour
	}
	return max(l.Duration, 30*time.Second)
}

// rest waits until every producer is through, every upload has its outcome and every webhook was delivered. On the way
// it does what an operator would: it retries the uploads that failed, once, and has deliveries sent that wait for a
// later attempt, since their schedule goes over days.
func (f *field) rest(ctx context.Context, tell *teller) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, f.patience())
	defer cancel()
	retried := false
	var restarted time.Time
	for {
		status, err := f.ledger.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return false, nil
		case err != nil || !f.produced():
		case openUploads(status) > 0:
		case !retried:
			retried = true
			n := f.retry(ctx)
			tell.say("retried %d failed uploads", n)
			continue
		case status.Deliveries > 0:
			if restarted.IsZero() { // what is on its way arrives in a moment
				restarted = time.Now()
			}
			if time.Since(restarted) > 3*time.Second {
				restarted = time.Now()
				f.restartWorkers()
			}
			f.replay(ctx)
		default:
			return true, nil
		}
		if f.resume(ctx) != nil || sleep(ctx, 250*time.Millisecond) != nil {
			return false, nil
		}
	}
}

func openUploads(s tasks.Status) int {
	return s.Counts[tasks.Queued] + s.Counts[tasks.Running] + s.Counts[tasks.Waiting]
}

// retry opens a second round for uploads that failed, so that batches complete twice.
func (f *field) retry(ctx context.Context) int {
	failed, err := f.open(ctx, tasks.Failed)
	if err != nil {
		return 0
	}
	n := 0
	for _, o := range failed {
		if o.Account != accountSmall && f.ledger.Retry(ctx, o.ID, false) == nil {
			n++
		}
	}
	return n
}

// replay sends what waits for another attempt. Deliveries that a dead worker left behind come back by themselves after
// a minute, which a long run waits for and a short one cannot.
func (f *field) replay(ctx context.Context) {
	soon := f.clocks[ownClock].now().Add(time.Second)
	page, _, err := f.ledger.Deliveries(ctx, tasks.DeliveryFilter{State: tasks.Pending, Limit: 1000})
	if err != nil {
		return
	}
	for _, d := range page {
		if d.Due.After(soon) && (d.LastError != "" || f.Duration < longRun) {
			_ = f.ledger.Replay(ctx, d.ID) // asked for again in the next turn
		}
	}
}

// restartWorkers makes them forget which endpoints they leave alone: a minute each, after some failures in a row.
func (f *field) restartWorkers() {
	for _, p := range f.workers {
		_ = p.down(syscall.SIGTERM, drainTime) // one that is starting ends later
		p.up()
	}
}
