package ledger

import (
	"context"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Retry opens a new round of an upload that has its outcome. The upload is queued again, without its old deadline. The old
// outcome and its attempts are kept as history. A success is retried only if again is true. A complete batch of the
// upload opens its next round too. Retry returns NotFound, or Conflict if the table of states does not allow a retry.
func (l *Ledger) Retry(ctx context.Context, id uuid.UUID, again bool) error {
	return l.do(ctx, "retry upload", func(t *tx) error {
		r, err := t.findAsked(id, "retry upload")
		if err != nil {
			return err
		}
		return t.retry(r, again)
	})
}

func (t *tx) retry(r *row, again bool) error {
	if err := r.allowed(tasks.StepRetry, false); err != nil {
		return err
	}
	if r.phase == schema.Succeeded && !again {
		return &tasks.Error{Code: tasks.Conflict, Op: "retry upload", Err: tasks.Textf("it has succeeded"), Hint: "ask for it with --again"}
	}
	return t.reopen(r)
}

func (t *tx) reopen(r *row) error {
	if err := t.archive(r); err != nil {
		return err
	}
	_, err := t.Exec(`UPDATE uploads SET phase = 0, round = round + 1, attempts = 0, cancel_requested = 0, lost_leases = 0, crashes = 0,
		claim_token = NULL, slot_at = NULL, read_hash = NULL, identity = NULL, finished_at = NULL, reused = 0, media_id = NULL, issued_at = NULL, expires_at = NULL, sha256 = NULL, original = NULL, fixed = NULL, size = NULL,
		code = NULL, errcode = 0, rid = NULL, reason = NULL, hint = NULL, reason_values = NULL WHERE seq = ?`, r.seq)
	if err != nil {
		return err
	}
	t.countReopened(r)
	t.wake |= tasks.WakeUploads
	if r.batch == 0 {
		return nil
	}
	y := t.tally(r.batch)
	y.reopen = true
	y.open++
	y.count(r.phase.State(), -1)
	return nil
}

// archive keeps the outcome that a retry replaces, since its event still refers to it.
func (t *tx) archive(r *row) error {
	const columns = "round, phase, attempts, reused, errcode, finished_at, issued_at, expires_at, size, sha256, original, fixed, media_id, code, rid, reason, hint, reason_values"
	_, err := t.Exec("INSERT INTO rounds (upload, "+columns+") SELECT seq, "+columns+" FROM uploads WHERE seq = ?", r.seq)
	return err
}
