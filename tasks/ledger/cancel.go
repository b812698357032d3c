package ledger

import (
	"context"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Cancel cancels an upload that is queued or waiting, and asks the worker of a running one to stop. It returns the new
// state. Canceling a canceled upload changes nothing. Canceling one that has succeeded ends that its media is kept alive.
// Another outcome is a Conflict.
func (l *Ledger) Cancel(ctx context.Context, id uuid.UUID) (tasks.State, error) {
	var state tasks.State
	err := l.do(ctx, "cancel upload", func(t *tx) error {
		r, err := t.findAsked(id, "cancel upload")
		if err != nil {
			return err
		}
		if state = tasks.Canceled; r.phase == schema.Canceled {
			return nil
		}
		state, err = t.cancel(r)
		return err
	})
	return state, err
}

// cancel returns the new state, or, with an error, the state that does not allow it.
func (t *tx) cancel(r *row) (tasks.State, error) {
	if r.phase == schema.Succeeded && r.keep.Int64 > t.Now {
		return tasks.Succeeded, t.endKeep(r)
	}
	if err := r.allowed(tasks.StepCancel, false); err != nil {
		return r.phase.State(), err
	}
	if r.phase == schema.Running {
		_, err := t.Exec("UPDATE uploads SET cancel_requested = 1 WHERE seq = ?", r.seq)
		return tasks.Running, err
	}
	return tasks.Canceled, t.conclude(&ending{row: r, state: tasks.Canceled})
}
