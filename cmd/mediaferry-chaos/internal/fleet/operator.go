package fleet

import (
	"context"
	"syscall"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/receiver"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
	"github.com/mediaferry/mediaferry/tasks"
)

// settleTimeout is how long a fleet may take to settle after the last attack.
func settleTimeout(run scenario.Run) time.Duration {
	if run.Planted != "" {
		return 10 * time.Second // with some of the bugs it never settles
	}
	if run.Untimed {
		return time.Hour
	}
	if !run.Uniform { // the last slow answers, and the backlog of the paced account
		return max(run.Duration, time.Minute)
	}
	return max(run.Duration, 30*time.Second)
}

// normalize ends what made a diverse run hard: WeChat accepts the frozen account again, and the slow receiver answers at
// once.
func (f *Fleet) normalize() {
	f.frozen.Store(false)
	for _, r := range f.Receivers {
		r.Set(receiver.Healthy)
	}
}

// Settle waits until the producers have submitted everything, every upload has its outcome, and every webhook is
// delivered. It reports false when that takes too long. Meanwhile it does what an operator does: it lifts holds, retries
// failed uploads once, and replays deliveries whose next attempt is far off.
func (f *Fleet) Settle(ctx context.Context, say func(format string, args ...any)) bool {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout(f.Run))
	defer cancel()
	f.normalize()
	retried := false
	var restarted time.Time
	for {
		status, err := f.ledger.Status(ctx)
		switch {
		case ctx.Err() != nil:
			return false
		case err != nil || !f.submitted():
		case openUploads(status) > 0:
		case !retried:
			retried = true
			n := f.retryFailed(ctx)
			say("retried %d failed uploads", n)
			continue
		case status.Deliveries > 0:
			if restarted.IsZero() { // deliveries on their way arrive in a moment
				restarted = time.Now()
			}
			if time.Since(restarted) > 3*time.Second {
				restarted = time.Now()
				f.restartWorkers()
			}
			f.replayDeliveries(ctx)
		default:
			return true
		}
		f.Resume(ctx)
		if wait.Sleep(ctx, 250*time.Millisecond) != nil {
			return false
		}
	}
}

func openUploads(s tasks.Status) int {
	return s.Counts[tasks.Queued] + s.Counts[tasks.Running] + s.Counts[tasks.Waiting]
}

// retryFailed opens a second round for uploads that failed, so that batches complete twice.
func (f *Fleet) retryFailed(ctx context.Context) int {
	failed, err := f.List(ctx, tasks.Failed)
	if err != nil {
		return 0
	}
	n := 0
	for _, o := range failed {
		if o.Account != scenario.AccountSmall && o.Account != scenario.AccountSlow && f.ledger.Retry(ctx, o.ID, false) == nil {
			n++
		}
	}
	return n
}

// replayDeliveries sends deliveries now that wait for another attempt. Those of a dead worker return by themselves after
// a minute. Only a long run waits for that.
func (f *Fleet) replayDeliveries(ctx context.Context) {
	soon := f.clocks[ownClock].Now().Add(time.Second)
	page, _, err := f.ledger.Deliveries(ctx, tasks.DeliveryFilter{State: tasks.Pending, Limit: 1000})
	if err != nil {
		return
	}
	for _, d := range page {
		if d.Due.After(soon) && (d.LastError != "" || f.Run.Duration < scenario.LongRun) {
			_ = f.ledger.Replay(ctx, d.ID) // repeated in the next turn
		}
	}
}

// DrainTime is how long a process may take to end after SIGTERM: its shutdown_timeout, and the time to hand back.
const DrainTime = 15 * time.Second

// restartWorkers makes workers try every endpoint again. A worker leaves an endpoint alone for a minute after several
// failures.
func (f *Fleet) restartWorkers() {
	for _, p := range f.Workers {
		_ = p.Down(syscall.SIGTERM, DrainTime) // one that is starting ends later
		p.Up()
	}
}

// Resume lifts every hold but those of the small account and of the frozen one. A hold would last a minute, or until midnight. It drops the
// errors of a ledger that is under attack: Settle calls it again.
func (f *Fleet) Resume(ctx context.Context) {
	holds, err := f.ledger.Holds(ctx)
	if err != nil {
		return
	}
	for _, h := range holds {
		if h.AppID == scenario.AppIDs[scenario.AccountSmall] || h.AppID == scenario.AppIDs[scenario.AccountFrozen] && f.frozen.Load() {
			continue
		}
		if _, err := f.ledger.Resume(ctx, h.Realm, h.AppID); err != nil {
			return
		}
	}
}
