package scenario

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// The receivers of webhooks. Attacks hit Main. Steady and Slow are for diverse runs: Steady always answers at once, and
// Slow answers after SlowAnswer until the attacks are over.
const (
	ReceiverMain   = "main"
	ReceiverSteady = "steady"
	ReceiverSlow   = "slow"
	// SlowAnswer is shorter than a worker waits for an answer.
	SlowAnswer = 14 * time.Second
)

// Receivers returns the receivers of the run.
func (run Run) Receivers() []string {
	if run.Uniform {
		return []string{ReceiverMain}
	}
	return []string{ReceiverMain, ReceiverSteady, ReceiverSlow}
}

// Worker is what differs among the workers of a run.
type Worker struct {
	Slots, Interactive int
	Lease              time.Duration
	HoldRecheck        time.Duration
	Skew               time.Duration // of its clock, for good
}

// Worker returns the settings of worker number i.
func (run Run) Worker(i int) Worker {
	w := Worker{Slots: run.Slots, Interactive: run.Slots / InteractiveShare, Lease: run.Lease, HoldRecheck: 2 * time.Second}
	if run.Uniform {
		return w
	}
	switch i % 3 {
	case 1:
		w.Slots, w.Interactive, w.HoldRecheck = run.Slots/2, w.Interactive/2, time.Minute
		w.Lease = max(run.Lease*4/5, ShortLease)
		w.Skew = time.Hour
	case 2:
		w.Slots, w.Interactive, w.HoldRecheck = run.Slots/4, 1, 10*time.Minute
		w.Lease = max(run.Lease*3/5, ShortLease*3/2)
		w.Skew = -time.Hour
	}
	if run.Ledger == "sqlite" || !run.Clocks {
		w.Skew = 0 // one machine has one clock
	}
	return w
}

// Skews returns how far the clocks of workers are wrong from the start.
func (run Run) Skews() (all []time.Duration) {
	for i := range run.Workers {
		if s := run.Worker(i).Skew; s != 0 {
			all = append(all, s)
		}
	}
	return all
}

// AllProducers is how many producers submit, over the Go package or over HTTP.
func (run Run) AllProducers() int { return run.Producers + run.Clients }

const (
	submitShare = 0.9 // the share of the run in which producers submit
	greedyShare = 0.5 // the share of all uploads that the greedy producer submits
	greedyTime  = 0.2 // the share of the run in which it does
)

// share returns how many uploads producer number n submits, and in which share of the run. In a diverse run the first
// producer is greedy.
func (run Run) share(n int) (uploads int, within float64) {
	all, producers := run.Uploads, run.AllProducers()
	if !run.Uniform && producers > 1 {
		greedy := int(float64(all) * greedyShare)
		if n == 0 {
			return greedy, greedyTime
		}
		all, producers, n = all-greedy, producers-1, n-1
	}
	uploads = all / producers
	if n < all%producers {
		uploads++
	}
	return uploads, submitShare
}

const (
	frozenUploads = 32
	slowUploads   = 48      // and more in a long run, so that Slow always has a backlog
	slowPerMinute = 9       // of them, more than Slow may send
	heavyUploads  = 25      // of each producer
	heavySize     = 3 << 20 // bytes
)

// diversify makes upload u, one of total, differ from others by its account, its receiver and its size.
func (run Run) diversify(u *Upload, total int) {
	slow := 2 * (slowUploads + int(slowPerMinute*run.Duration.Minutes())) / run.AllProducers()
	first := smallUploads / run.AllProducers()
	switch n := u.Number - first; {
	case n < slow && n%2 == 0:
		u.Account, u.Deadline, u.Cancel = AccountSlow, true, false
	case n < 2*frozenUploads/run.AllProducers() && n%2 == 1:
		u.Account = AccountFrozen
	}
	switch {
	case u.Number%20 == 3:
		u.Receiver = ReceiverSlow
	case u.Number%3 == 1:
		u.Receiver = ReceiverSteady
	}
	if u.Type == tasks.Image && u.Number%max(1, total/heavyUploads) == 0 {
		u.Size = heavySize
	}
}
