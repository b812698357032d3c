// Package follow stays with submitted uploads until each has its outcome.
package follow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// Follower watches uploads until each has its outcome, or until staying makes no sense.
type Follower struct {
	Stack    *wire.Stack
	Words    *words.Words  // in which it tells people
	Accounts []string      // of the uploads: it ends when all of them are held
	Patience time.Duration // the time that it stays while minute or daily limits stop all uploads
	Progress output.Progress
	Workers  bool // tell people when no process works on the uploads

	// Interrupted is called once when ctx ends first, with the number of running uploads. Nil: not called.
	Interrupted func(running int)
}

// pollInterval is the time between two reads of the ledger: short enough for a bar that moves, long enough to cost little.
const pollInterval = 200 * time.Millisecond

// Follow returns the outcomes of ids, in their order, as they stand when it ends: all final, or ctx over, or every
// account that is still needed held by something that only an operator or the next quota can mend, or WeChat out of
// reach for as long as Patience.
func (f *Follower) Follow(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	outcomes := make([]tasks.Outcome, len(ids))
	if len(ids) == 0 {
		return outcomes, nil
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	workers := workerWatch{words: f.Words, stack: f.Stack, off: !f.Workers}
	var stuckSince time.Time
	for {
		held := f.held(context.WithoutCancel(ctx))
		open, blocked, err := f.refresh(context.WithoutCancel(ctx), ids, outcomes, held)
		if err != nil {
			return outcomes, err
		}
		f.Progress.Update(len(ids)-open, len(ids), f.note(outcomes))
		if open == 0 {
			return outcomes, nil
		}
		if news := workers.check(ctx, time.Now()); news != "" {
			f.Progress.Say(news)
		}
		switch {
		case ctx.Err() != nil:
			f.interrupted(outcomes)
			return LookUp(context.WithoutCancel(ctx), f.Stack, ids)
		case blocked && hopeless(held) && !cutOff(outcomes):
			return LookUp(context.WithoutCancel(ctx), f.Stack, ids)
		case !blocked:
			stuckSince = time.Time{}
		case stuckSince.IsZero():
			stuckSince = time.Now()
		case time.Since(stuckSince) > f.Patience:
			return LookUp(ctx, f.Stack, ids)
		}
		select {
		case <-ctx.Done():
			f.interrupted(outcomes)
			return LookUp(context.WithoutCancel(ctx), f.Stack, ids)
		case <-tick.C:
		}
	}
}

// note is what stands beside the progress: that nothing can be recorded, or else what waits.
func (f *Follower) note(outcomes []tasks.Outcome) string {
	if dir, full := f.Stack.FullDisk(); full && f.Words != nil {
		return f.Words.T("waiting.full_disk", "Dir", dir)
	}
	return waitingNote(f.Words, outcomes, time.Now())
}

func (f *Follower) interrupted(outcomes []tasks.Outcome) {
	if f.Interrupted == nil {
		return
	}
	running := 0
	for _, o := range outcomes {
		if o.State == tasks.Running {
			running++
		}
	}
	f.Interrupted(running)
}

// askAtOnce is how many uploads are looked up in one go.
const askAtOnce = 500

// refresh looks up those that were open, in the order of submission, and stops at the first lot in which some still
// are: uploads end in about that order, so that a large batch costs no more to follow than a small one. It returns how
// many were not found final, and whether all of those belong to held accounts: lots that only a hold keeps open don't
// stop it where other accounts may go on.
func (f *Follower) refresh(ctx context.Context, ids []uuid.UUID, outcomes []tasks.Outcome, held map[string]tasks.Hold) (open int, blocked bool, err error) {
	var unfinished []int
	for i, o := range outcomes {
		if !o.State.Final() {
			unfinished = append(unfinished, i)
		}
	}
	open = len(unfinished)
	all := f.allHeld(held)
	for lot := range slices.Chunk(unfinished, askAtOnce) {
		ended, stuck, err := f.lookUp(ctx, ids, outcomes, lot, held)
		if err != nil {
			return 0, false, fmt.Errorf("look up uploads: %w", err)
		}
		open -= ended
		if ended+stuck < len(lot) { // some run, or may
			return open, false, nil
		}
		if all && stuck > 0 {
			return open, true, nil
		}
	}
	return open, open > 0, nil
}

func (f *Follower) allHeld(held map[string]tasks.Hold) bool {
	return len(held) > 0 && !slices.ContainsFunc(f.Accounts, func(name string) bool { _, is := held[name]; return !is })
}

// hopeless reports whether no account comes back by itself.
func hopeless(held map[string]tasks.Hold) bool {
	for _, h := range held {
		if h.Code != tasks.AccountHeld {
			return false
		}
	}
	return true
}

// cutOff reports whether some wait only for WeChat to be reachable.
func cutOff(outcomes []tasks.Outcome) bool {
	return slices.ContainsFunc(outcomes, func(o tasks.Outcome) bool { return o.State == tasks.Waiting && o.Code == tasks.Unreachable })
}

// lookUp looks up some outcomes, by their positions, and returns how many are final now and how many a hold keeps open.
func (f *Follower) lookUp(ctx context.Context, ids []uuid.UUID, outcomes []tasks.Outcome, at []int, held map[string]tasks.Hold) (ended, stuck int, err error) {
	some := make([]uuid.UUID, len(at))
	for i, pos := range at {
		some[i] = ids[pos]
	}
	fresh, err := f.Stack.Ledger.Outcomes(ctx, some)
	for i, o := range fresh {
		if before := outcomes[at[i]]; before.Code == tasks.Unreachable && o.Code == "" && !o.State.Final() {
			o.State, o.Code, o.Reason, o.Params = before.State, before.Code, before.Reason, before.Params // it only tries once more
		}
		outcomes[at[i]] = o
		_, isHeld := held[o.Account]
		switch {
		case o.State.Final():
			ended++
		case o.State == tasks.Running: // it ends soon, even if its account is held
		case isHeld, o.Code == tasks.Unreachable:
			stuck++
		}
	}
	return ended, stuck, err
}

// held returns the holds of the needed accounts by name. While the ledger is away it returns none.
func (f *Follower) held(ctx context.Context) map[string]tasks.Hold {
	held := map[string]tasks.Hold{}
	accounts, err := f.Stack.Ledger.Accounts(ctx)
	if err != nil {
		return held
	}
	for _, a := range accounts {
		if a.Hold != nil && a.Hold.Ramp == 0 && slices.Contains(f.Accounts, a.Name) {
			held[a.Name] = *a.Hold
		}
	}
	return held
}

// LookUp returns the outcomes of ids as they stand now, in their order.
func LookUp(ctx context.Context, s *wire.Stack, ids []uuid.UUID) ([]tasks.Outcome, error) {
	all := make([]tasks.Outcome, 0, len(ids))
	for lot := range slices.Chunk(ids, askAtOnce) {
		some, err := s.Ledger.Outcomes(ctx, lot)
		if err != nil {
			return nil, fmt.Errorf("look up uploads: %w", err)
		}
		all = append(all, some...)
	}
	return all, nil
}
