package ledger

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Retry opens a new round of an upload that has its outcome: it is queued again, without the deadline it had. The old
// outcome and its attempts are kept as history. A success is retried only with again. Its batch, where it was
// complete, opens its next round as well. NotFound, or Conflict where the table of states does not allow it.
func (l *Ledger) Retry(ctx context.Context, id uuid.UUID, again bool) error {
	return l.do(ctx, "retry upload", func(t *tx) error {
		r, err := t.find(id)
		if err != nil {
			return err
		}
		if r == nil {
			return schema.NoUpload("retry upload")
		}
		return t.retry(r, again)
	})
}

func (t *tx) retry(r *row, again bool) error {
	if err := r.allowed(tasks.StepRetry, false); err != nil {
		return err
	}
	if r.phase == schema.Succeeded && !again {
		return &tasks.Error{Code: tasks.Conflict, Op: "retry upload", Err: errors.New("it has succeeded"), Hint: "ask for it with --again"}
	}
	return t.reopen(r)
}

func (t *tx) reopen(r *row) error {
	if err := t.archive(r); err != nil {
		return err
	}
	_, err := t.Exec(`UPDATE uploads SET phase = 0, round = round + 1, attempts = 0, cancel_requested = 0, lost_leases = 0, crashes = 0,
		claim_token = NULL, finished_at = NULL, reused = 0, media_id = NULL, issued_at = NULL, expires_at = NULL, sha256 = NULL, original = NULL, fixed = NULL, size = NULL,
		code = NULL, errcode = 0, rid = NULL, reason = NULL, hint = NULL WHERE seq = ?`, r.seq)
	if err != nil || r.batch == 0 {
		return err
	}
	y := t.tally(r.batch)
	y.reopen = true
	y.open++
	y.count(r.phase.State(), -1)
	return nil
}

// archive keeps the outcome that a retry takes the place of, so that its event still tells of it.
func (t *tx) archive(r *row) error {
	const columns = "round, phase, attempts, reused, errcode, finished_at, issued_at, expires_at, size, sha256, original, fixed, media_id, code, rid, reason, hint"
	_, err := t.Exec("INSERT INTO rounds (upload, "+columns+") SELECT seq, "+columns+" FROM uploads WHERE seq = ?", r.seq)
	return err
}

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
	return tasks.Canceled, t.conclude(r, ending{state: tasks.Canceled})
}
