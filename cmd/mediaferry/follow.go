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
	account  string        // whose hold ends it
	patience time.Duration // how long to stay while nothing can run because of a minute or daily limit
	progress progress
}

// pollInterval is how often the ledger is asked: often enough for a bar that moves, seldom enough to cost nothing.
const pollInterval = 200 * time.Millisecond

// follow returns the outcomes of ids, in their order, as they stand when it ends: all final, or ctx over, or the
// account held by something that only an operator or the next quota can mend.
func (f *following) follow(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	outcomes := make([]tasks.Outcome, len(ids))
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	var stuckSince time.Time
	for {
		open, err := f.refresh(context.WithoutCancel(ctx), ids, outcomes)
		if err != nil {
			return outcomes, err
		}
		f.progress.update(len(ids)-open, len(ids), waitingNote(outcomes))
		if open == 0 {
			return outcomes, nil
		}
		if ctx.Err() != nil {
			return f.stack.ledger.Outcomes(context.WithoutCancel(ctx), ids)
		}
		held, err := f.held(ctx)
		switch {
		case err != nil:
		case held == nil:
			stuckSince = time.Time{}
		case held.Code == tasks.AccountHeld:
			return f.stack.ledger.Outcomes(ctx, ids)
		case stuckSince.IsZero():
			stuckSince = time.Now()
		case time.Since(stuckSince) > f.patience:
			return f.stack.ledger.Outcomes(ctx, ids)
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
// many were not found final.
func (f *following) refresh(ctx context.Context, ids []uuid.UUID, outcomes []tasks.Outcome) (open int, err error) {
	var stale []int
	for i, o := range outcomes {
		if !o.State.Final() {
			stale = append(stale, i)
		}
	}
	open = len(stale)
	for lot := range slices.Chunk(stale, askAtOnce) {
		ended, err := f.lookUp(ctx, ids, outcomes, lot)
		if err != nil {
			return 0, fmt.Errorf("look up uploads: %w", err)
		}
		open -= ended
		if ended < len(lot) {
			break
		}
	}
	return open, nil
}

// lookUp looks up some outcomes, by their positions, and returns how many are final now.
func (f *following) lookUp(ctx context.Context, ids []uuid.UUID, outcomes []tasks.Outcome, at []int) (ended int, err error) {
	some := make([]uuid.UUID, len(at))
	for i, pos := range at {
		some[i] = ids[pos]
	}
	fresh, err := f.stack.ledger.Outcomes(ctx, some)
	for i, o := range fresh {
		outcomes[at[i]] = o
		if o.State.Final() {
			ended++
		}
	}
	return ended, err
}

// held returns the hold of the account while it lasts.
func (f *following) held(ctx context.Context) (*tasks.Hold, error) {
	accounts, err := f.stack.ledger.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range accounts {
		if a.Name == f.account && a.Hold != nil && a.Hold.Ramp == 0 {
			return a.Hold, nil
		}
	}
	return nil, nil //nolint:nilnil // nothing is wrong and there is no hold
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
