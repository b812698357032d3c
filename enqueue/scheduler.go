package enqueue

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// The rhythm of a dispatcher. Followers take over within leadTTL and a follower's pause after a leader's crash.
const (
	roleDispatch = "dispatch"
	leadTTL      = 3 * time.Second
	leadEvery    = time.Second             // a leader renews that often, so that it may miss one
	idlePause    = time.Second             // between turns when nothing happens
	busyPause    = 50 * time.Millisecond   // between turns while uploads end
	reviveEvery  = 250 * time.Millisecond  // between two looks for due uploads while busy
	slotsEvery   = 2 * time.Second         // how often it asks for the workers' slots
	slotsLast    = 15 * time.Second        // workers tell them every 5 s, as asynq has it; one that died counts for 10 s
	awakeFor     = 5 * time.Second         // how long it stays busy after the last thing it did
	reviveLimit  = 1000                    // rows that come back in one call
	beltPatience = 1500 * time.Millisecond // for one call of the belt: with the pause after it, shorter than leadTTL
)

// scheduler is one Run of a dispatcher, and what it remembers between turns. It belongs to one goroutine.
type scheduler struct {
	*Dispatcher
	recoverer recoverer
	overseer  overseer

	ledger, belt outage
	seat         candidate
	leadDue      time.Time // when to ask for the lead again
	answered     time.Time // when the ledger answered last
	stalled      time.Time // the last answer before the ledger went away or was suspended; of several times in a row, the first
	graceEnds    time.Time // until then only a lease counts as lost that ran out before stalled
	awakeUntil   time.Time
	reviveDue    time.Time
	more         bool // the last turn left something to do at once

	epoch     string                   // that the dispatched uploads are on; empty: ask the ledger
	window    tasks.Window             // with the workers' slots, as they were last told
	slotsDue  time.Time                // when to ask for them again
	slotsKept time.Time                // until then there are no fewer of them: the belt was lost
	unsent    []tasks.DeliveryDispatch // that did not get on the belt
}

func newScheduler(d *Dispatcher) *scheduler {
	w := d.Window
	w.Lease = d.Grace
	return &scheduler{
		Dispatcher: d, window: w, overseer: overseer{pauses: pauses{log: d.Log}},
		seat:   candidate{elector: d.Ledger, role: roleDispatch, holder: d.Holder, ttl: leadTTL},
		ledger: outage{what: "ledger", log: d.Log}, belt: outage{what: "redis", log: d.Log},
	}
}

// turn does everything that is due, and returns the time until the next turn.
func (s *scheduler) turn(ctx context.Context) time.Duration {
	s.more = false
	if !s.lead(ctx) {
		return s.pause()
	}
	revive := !time.Now().Before(s.reviveDue)
	if revive {
		s.revive(ctx)
	}
	if !s.ledger.away() && s.sameBelt(ctx) {
		s.fill(ctx)
		if owed := s.owed.Swap(false); owed || revive {
			s.deliver(ctx)
		}
		s.recover(ctx)
		if !s.belt.away() {
			s.oversee(ctx)
		}
	}
	return s.pause()
}

func (s *scheduler) pause() time.Duration {
	switch {
	case s.ledger.away():
		return s.ledger.backoff()
	case !s.seat.leading:
		return idlePause
	case s.belt.away():
		return s.belt.backoff()
	case s.more:
		return 0
	case time.Now().Before(s.awakeUntil):
		return busyPause
	}
	return idlePause
}

// rest lets d go by, or less where there is something new, and reports false where ctx ended meanwhile. A process that
// does not lead leaves what is new to the one that does, which is told as well.
func (s *scheduler) rest(ctx context.Context, d time.Duration) bool {
	pause := time.NewTimer(d)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-pause.C:
			return true
		case <-s.nudge:
			if s.seat.leading || !time.Now().Before(s.leadDue) {
				s.stayAwake()
				return true
			}
		}
	}
}

func (s *scheduler) stayAwake() { s.awakeUntil = time.Now().Add(awakeFor) }

// lead reports whether this process leads the dispatch.
func (s *scheduler) lead(ctx context.Context) bool {
	if s.seat.leading && !s.ledger.away() && time.Now().Before(s.leadDue) {
		return true
	}
	s.leadDue = time.Now().Add(leadEvery)
	var leads bool
	ok := s.ask(ctx, func() (err error) {
		leads, err = s.seat.stand(ctx)
		return err
	})
	if !ok || !leads { // another process may do now what this one remembers
		s.epoch, s.unsent = "", nil
		s.recoverer.forget()
		return false
	}
	return true
}

// ask makes one call of the ledger, and reports whether it succeeded. It notices when the ledger was away: workers could
// not renew their leases then, and get some time of grace.
func (s *scheduler) ask(ctx context.Context, call func() error) bool {
	start := time.Now()
	wasAway := s.ledger.away()
	err := call()
	if ctx.Err() != nil {
		return false
	}
	s.ledger.note(err)
	if err != nil {
		return false
	}
	now := time.Now()
	if wasAway || now.Sub(start) > s.Grace/2 {
		if !s.answered.Before(s.graceEnds) { // else nobody had the whole grace since the last stall
			s.stalled = s.answered
		}
		s.graceEnds = now.Add(s.Grace)
		s.recoverer.forget()
	}
	s.answered = now
	return true
}

// carry makes one call of the belt, and reports whether it succeeded.
func (s *scheduler) carry(ctx context.Context, call func(context.Context) error) bool {
	limited, cancel := context.WithTimeout(ctx, beltPatience)
	defer cancel()
	err := call(limited)
	if ctx.Err() != nil {
		return false
	}
	s.belt.note(err)
	return err == nil
}

// revive makes uploads ready whose wait is over, and takes over those of dead workers.
func (s *scheduler) revive(ctx context.Context) {
	s.reviveDue = time.Now().Add(reviveEvery)
	s.bring(ctx, func() (int, error) { return s.Ledger.Mature(ctx, reviveLimit) })
	s.bring(ctx, func() (int, error) { return s.Ledger.TakeOver(ctx, s.overdue(), reviveLimit) })
}

// overdue returns the time that must have passed since a lease ran out before its worker counts as dead. It is 0, except
// after the ledger stalled: then leases that ran out before the stall count at once, and the others after the grace.
func (s *scheduler) overdue() time.Duration {
	if time.Now().Before(s.graceEnds) {
		return time.Since(s.stalled)
	}
	return 0
}

func (s *scheduler) bring(ctx context.Context, back func() (int, error)) {
	var n int
	s.ask(ctx, func() (err error) {
		n, err = back()
		return err
	})
	if n > 0 {
		s.stayAwake()
	}
	if n >= reviveLimit {
		s.more, s.reviveDue = true, time.Time{}
	}
}
