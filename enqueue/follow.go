package enqueue

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

const (
	firstLook  = 50 * time.Millisecond
	slowestLap = time.Second
)

// Wait returns the upload when it has its outcome. It looks at the ledger often at first, and once a second later;
// it sits out an absent ledger, and ends with ctx. NotFound: this producer has no such upload.
func (p *Producer) Wait(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	lap := firstLook
	for {
		o, err := p.Outcome(ctx, id)
		switch {
		case err == nil && o.State.Final():
			return o, nil
		case err != nil && tasks.CodeOf(err) != tasks.Unavailable:
			return tasks.Outcome{}, err
		}
		select {
		case <-ctx.Done():
			return o, fmt.Errorf("wait for upload %s: %w", id, ctx.Err())
		case <-time.After(lap):
		}
		lap = min(lap*3/2, slowestLap)
	}
}

// Outcome returns the upload as it is now, with its history. NotFound: this producer has no such upload.
func (p *Producer) Outcome(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	o, err := p.Ledger.Outcome(ctx, id)
	if err != nil {
		return tasks.Outcome{}, fmt.Errorf("look up upload: %w", err)
	}
	if o.Producer != p.name() { // as if it did not exist: its ID is nobody else's business
		return tasks.Outcome{}, notFound("upload", id)
	}
	return o, nil
}

// Retry opens a new round for an upload that has its outcome, keeping the history of the last one. It costs as much as
// an upload. One that succeeded is a Conflict unless again is true, and so is one that has no outcome yet.
func (p *Producer) Retry(ctx context.Context, id uuid.UUID, again bool) error {
	if _, err := p.Outcome(ctx, id); err != nil {
		return err
	}
	return p.RetryAny(ctx, id, again)
}

// RetryAny is Retry of an upload that may be another producer's: whether the caller may touch it was found out before.
func (p *Producer) RetryAny(ctx context.Context, id uuid.UUID, again bool) error {
	if err := p.TakeRate(); err != nil {
		return err
	}
	if err := p.spendBudget(ctx); err != nil {
		return err
	}
	if err := p.Ledger.Retry(ctx, id, again); err != nil {
		p.refundBudget(ctx)
		return fmt.Errorf("retry upload: %w", err)
	}
	p.nudge()
	return nil
}

// Cancel cancels an upload, and returns the state that it is in then: Canceled, or Running while a worker has yet to
// let go of it. One that WeChat has answered already ends Succeeded all the same. One that has its outcome is a Conflict.
func (p *Producer) Cancel(ctx context.Context, id uuid.UUID) (tasks.State, error) {
	if _, err := p.Outcome(ctx, id); err != nil {
		return "", err
	}
	s, err := p.Ledger.Cancel(ctx, id)
	if err != nil {
		return "", fmt.Errorf("cancel upload: %w", err)
	}
	return s, nil
}

// RetryFailed opens a new round for each upload of the batch that failed, and returns how many it was. What somebody
// else retries at the same time is counted once. After an error, calling it again goes on with the rest.
func (p *Producer) RetryFailed(ctx context.Context, batch uuid.UUID) (int, error) {
	b, err := p.Ledger.Batch(ctx, batch)
	if err != nil {
		return 0, fmt.Errorf("look up batch: %w", err)
	}
	if b.Producer != p.name() {
		return 0, notFound("batch", batch)
	}
	defer p.nudge()
	retried := 0
	f := tasks.Filter{Batch: batch, States: []tasks.State{tasks.Failed}, Limit: 1000}
	for {
		page, next, err := p.Ledger.List(ctx, f)
		if err != nil {
			return retried, fmt.Errorf("list failed uploads: %w", err)
		}
		for _, o := range page {
			switch err := p.Ledger.Retry(ctx, o.ID, false); {
			case err == nil:
				retried++
			case tasks.CodeOf(err) == tasks.Conflict:
				// it has left the failed ones since it was listed
			default:
				return retried, fmt.Errorf("retry upload %s: %w", o.ID, err)
			}
		}
		if next == "" {
			return retried, nil
		}
		f.Cursor = next
	}
}

func notFound(what string, id uuid.UUID) error {
	return &tasks.Error{Code: tasks.NotFound, Op: "look up " + what, Err: fmt.Errorf("there is no %s %s", what, id)}
}
