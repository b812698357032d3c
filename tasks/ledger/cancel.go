package ledger

import (
	"context"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Cancel ends an upload that is queued or waiting as canceled at once, and asks the worker of a running one to stop.
// It returns the state that this led to. Canceling what is canceled changes nothing; another outcome is a Conflict.
func (l *Ledger) Cancel(ctx context.Context, id uuid.UUID) (tasks.State, error) {
	var state tasks.State
	err := l.do(ctx, "cancel upload", func(t *tx) error {
		r, err := t.find(id)
		if err != nil {
			return err
		}
		if r == nil {
			return schema.NoUpload("cancel upload")
		}
		if state = tasks.Canceled; r.phase == schema.Canceled {
			return nil
		}
		state, err = t.cancel(r)
		return err
	})
	return state, err
}

// cancel returns the state that it led to, or, with the error, the one that does not allow it.
func (t *tx) cancel(r *row) (tasks.State, error) {
	if err := r.allowed(tasks.StepCancel, false); err != nil {
		return r.phase.State(), err
	}
	if r.phase == schema.Running {
		_, err := t.Exec("UPDATE uploads SET cancel_requested = 1 WHERE seq = ?", r.seq)
		return tasks.Running, err
	}
	return tasks.Canceled, t.conclude(&ending{row: r, state: tasks.Canceled})
}
