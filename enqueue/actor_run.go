package enqueue

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Run carries out the actions that no other process holds, a page of each in turn. It returns nil when ctx ends. It
// survives outages of the ledger.
func (x *Actor) Run(ctx context.Context) error {
	failing := false
	for ctx.Err() == nil {
		moved, err := x.turn(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil && !failing:
			x.Log.Warn("actions on many uploads break off: they are tried again every few seconds", "error", err)
		case err == nil && failing:
			x.Log.Info("actions on many uploads go on again")
		}
		failing = err != nil
		if moved {
			continue
		}
		pause := time.NewTimer(actionsEvery)
		select {
		case <-pause.C:
		case <-x.wake:
		case <-ctx.Done():
		}
		pause.Stop()
	}
	return nil
}

// turn does a page of each open action, and reports whether any of them made progress. One that fails does not stop the
// others.
func (x *Actor) turn(ctx context.Context) (moved bool, err error) {
	after := uuid.Nil
	for ctx.Err() == nil {
		open, listErr := x.Ledger.OpenActions(ctx, x.Holder, after, actionsAhead)
		if listErr != nil {
			return moved, listErr
		}
		for _, a := range open {
			after = a.ID
			further, stepErr := x.further(ctx, a)
			moved = moved || further
			err = errors.Join(err, stepErr)
		}
		if len(open) < actionsAhead {
			break
		}
	}
	return moved, err
}

// further does a page of one action, and reports whether it made progress.
func (x *Actor) further(ctx context.Context, a tasks.Action) (bool, error) {
	now, _, err := x.step(ctx, a)
	if errors.Is(err, tasks.ErrFenced) { // another process holds the action
		return false, nil
	}
	if err == nil && now.State != tasks.ActionRunning {
		x.Log.Info("action ended", "action_id", a.ID, "kind", a.Kind, "by", a.By, "state", now.State, "done", now.Done, "left", now.Left)
	}
	return err == nil && now.Cursor != a.Cursor, err
}
