package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// RunActionStep carries out one step of an action: its uploads, its counts and its cursor, in one transaction. So each
// upload is taken once, even if processes die in between. It returns the action after the step, and the uploads that
// were taken.
//
// It does nothing for an action that was stopped, and returns it. It returns ErrFenced, and does nothing, if another
// process holds the action or has moved its cursor past s.From. An upload that has changed since it was chosen, so that
// the step is no longer allowed, counts as left.
func (l *Ledger) RunActionStep(ctx context.Context, s tasks.ActionStep) (tasks.Action, []tasks.Taken, error) {
	slices.SortFunc(s.Uploads, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }) // as everybody locks them
	var (
		a     tasks.Action
		taken []tasks.Taken
	)
	err := l.do(ctx, "carry out action", func(t *tx) (err error) {
		var holder string
		var until int64
		taken = nil
		a, err = schema.FindAction(t.Tx, s.Action, t.Dialect.ForUpdate, &holder, &until)
		switch {
		case err != nil || a.State == tasks.ActionStopped:
			return err
		case holder != s.Holder && t.Now < until, a.Cursor != s.From, !a.Ended.IsZero():
			return tasks.ErrFenced
		}
		for why, n := range s.Left {
			a.Left[why] += n
		}
		if taken, err = t.takeAll(&a, s.Uploads); err != nil {
			return err
		}
		return t.keepStep(&a, s)
	})
	return a, taken, err
}

// keepStep writes how far the action is.
func (t *tx) keepStep(a *tasks.Action, s tasks.ActionStep) error {
	var ended any
	if s.To == "" {
		ended, a.Ended, a.State = t.Now, db.Time(t.Now), tasks.ActionDone
	}
	a.Cursor = s.To
	left, err := json.Marshal(a.Left)
	if err != nil {
		return err
	}
	_, err = t.Exec("UPDATE actions SET done = ?, left_out = ?, place = ?, holder = ?, lease_until = ?, ended_at = ? WHERE id = ?",
		a.Done, string(left), a.Cursor, s.Holder, t.Now+s.Lease.Microseconds(), ended, a.ID[:])
	return err
}

// takeAll carries out the action on uploads, as far as the budget of its producer allows.
func (t *tx) takeAll(a *tasks.Action, ids []uuid.UUID) ([]tasks.Taken, error) {
	granted, err := t.grant(a, len(ids))
	if err != nil {
		return nil, err
	}
	var taken []tasks.Taken
	for i, id := range ids {
		if len(taken) == granted {
			a.Left[string(tasks.TooMany)] += len(ids) - i
			break
		}
		state, err := t.take(a, id)
		switch code := tasks.CodeOf(err); {
		case err == nil:
			taken = append(taken, tasks.Taken{ID: id, State: state})
		case code == tasks.Conflict || code == tasks.NotFound:
			a.Left[string(code)]++
		default:
			return nil, err
		}
	}
	a.Done += len(taken)
	if _, err := t.grant(a, len(taken)-granted); err != nil {
		return nil, err
	}
	return taken, nil
}

// grant takes n uploads from the budget of the action's producer, and returns the number that it got. A negative n gives
// back what was not used.
func (t *tx) grant(a *tasks.Action, n int) (int, error) {
	if a.Kind != tasks.ActionRetry || a.DailyBudget == 0 || n == 0 {
		return n, nil
	}
	return t.spendBudget(a.By, n, a.DailyBudget)
}

func (t *tx) take(a *tasks.Action, id uuid.UUID) (tasks.State, error) {
	r, err := t.findAsked(id, string(a.Kind)+" upload")
	if err != nil {
		return "", err
	}
	if a.Kind == tasks.ActionCancel {
		return t.cancel(r)
	}
	return tasks.Queued, t.retry(r, a.Again)
}
