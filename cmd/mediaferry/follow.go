package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// following watches uploads until each has its outcome, or until staying makes no sense.
type following struct {
	stack    *stack
	accounts []string      // that the uploads go to: it ends when what holds them lets none go on
	patience time.Duration // how long to stay while nothing can run because of a minute or daily limit
	progress progress
	crew     *crew // tells people when nobody works; nil: they are not told
}

// pollInterval is how often the ledger is asked: often enough for a bar that moves, seldom enough to cost nothing.
const pollInterval = 200 * time.Millisecond

// follow returns the outcomes of ids, in their order, as they stand when it ends: all final, or ctx over, or every
// account that is still needed held by something that only an operator or the next quota can mend.
func (f *following) follow(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	outcomes := make([]tasks.Outcome, len(ids))
	if len(ids) == 0 {
		return outcomes, nil
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var stuckSince time.Time
	for {
		held := f.held(context.WithoutCancel(ctx))
		open, blocked, err := f.refresh(context.WithoutCancel(ctx), ids, outcomes, held)
		if err != nil {
			return outcomes, err
		}
		f.progress.update(len(ids)-open, len(ids), waitingNote(outcomes))
		if open == 0 {
			return outcomes, nil
		}
		if f.crew != nil {
			if news := f.crew.look(ctx, time.Now()); news != "" {
				f.progress.say(news)
			}
		}
		switch {
		case ctx.Err() != nil, blocked && f.hopeless(held):
			return f.stack.outcomes(context.WithoutCancel(ctx), ids)
		case !blocked:
			stuckSince = time.Time{}
		case stuckSince.IsZero():
			stuckSince = time.Now()
		case time.Since(stuckSince) > f.patience:
			return f.stack.outcomes(ctx, ids)
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

// askAtOnce is how many uploads are looked up in one go.
const askAtOnce = 500

// refresh looks up those that were open, in the order of submission, and stops at the first lot in which some still
// are: uploads end in about that order, so that a large batch costs no more to follow than a small one. It returns how
// many were not found final, and whether all of those belong to held accounts: lots that only a hold keeps open don't
// stop it where other accounts may go on.
func (f *following) refresh(ctx context.Context, ids []uuid.UUID, outcomes []tasks.Outcome, held map[string]tasks.Hold) (open int, blocked bool, err error) {
	var stale []int
	for i, o := range outcomes {
		if !o.State.Final() {
			stale = append(stale, i)
		}
	}
	open = len(stale)
	all := f.allHeld(held)
	for lot := range slices.Chunk(stale, askAtOnce) {
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

func (f *following) allHeld(held map[string]tasks.Hold) bool {
	return len(held) > 0 && !slices.ContainsFunc(f.accounts, func(name string) bool { _, is := held[name]; return !is })
}

// hopeless reports whether no account comes back by itself.
func (f *following) hopeless(held map[string]tasks.Hold) bool {
	for _, h := range held {
		if h.Code != tasks.AccountHeld {
			return false
		}
	}
	return true
}

// lookUp looks up some outcomes, by their positions, and returns how many are final now and how many a hold keeps open.
func (f *following) lookUp(ctx context.Context, ids []uuid.UUID, outcomes []tasks.Outcome, at []int, held map[string]tasks.Hold) (ended, stuck int, err error) {
	some := make([]uuid.UUID, len(at))
	for i, pos := range at {
		some[i] = ids[pos]
	}
	fresh, err := f.stack.ledger.Outcomes(ctx, some)
	for i, o := range fresh {
		outcomes[at[i]] = o
		if _, isHeld := held[o.Account]; o.State.Final() {
			ended++
		} else if isHeld && o.State != tasks.Running { // one that runs ends soon, whatever holds its account
			stuck++
		}
	}
	return ended, stuck, err
}

// held returns the holds of the accounts that are needed, by name; none while the ledger does not say.
func (f *following) held(ctx context.Context) map[string]tasks.Hold {
	held := map[string]tasks.Hold{}
	accounts, err := f.stack.ledger.Accounts(ctx)
	if err != nil {
		return held
	}
	for _, a := range accounts {
		if a.Hold != nil && a.Hold.Ramp == 0 && slices.Contains(f.accounts, a.Name) {
			held[a.Name] = *a.Hold
		}
	}
	return held
}

func waitingNote(outcomes []tasks.Outcome) string {
	n, last := 0, tasks.Outcome{}
	for _, o := range outcomes {
		if o.State == tasks.Waiting {
			n++
			last = o
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d waiting (%s)", n, last.Code)
}

// exitOf is the exit code of all outcomes together: the first that applies in the order of the help text.
func exitOf(outcomes []tasks.Outcome) int {
	seen := map[int]bool{}
	for _, o := range outcomes {
		seen[o.Exit()] = true
	}
	for _, code := range []int{tasks.ExitError, tasks.ExitUsage, tasks.ExitAccount, tasks.ExitQuota, tasks.ExitTemporary, tasks.ExitFailed} {
		if seen[code] {
			return code
		}
	}
	if len(outcomes) == 0 {
		return tasks.ExitNothing
	}
	return tasks.ExitOK
}
