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

// Wait returns the upload when it has its outcome. It reads the ledger often at first, and once a second later. It waits
// while the ledger is away, and returns an error when ctx ends. It returns NotFound if this producer has no such upload.
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

// Outcome returns the upload as it is now, with its history. It returns NotFound if this producer has no such upload.
func (p *Producer) Outcome(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	o, err := p.Ledger.Outcome(ctx, id)
	if err != nil {
		return tasks.Outcome{}, fmt.Errorf("look up upload: %w", err)
	}
	if o.Producer != p.name() { // another producer must not learn that it exists
		return tasks.Outcome{}, notFound("upload", id)
	}
	return o, nil
}

// Retry opens a new round for an upload that has its outcome, and keeps the history of the old one. It costs as much of
// the rate and budget as an upload. It returns Conflict for an upload without an outcome, and for one that succeeded
// unless again is true.
func (p *Producer) Retry(ctx context.Context, id uuid.UUID, again bool) error {
	if _, err := p.Outcome(ctx, id); err != nil {
		return err
	}
	return p.RetryAny(ctx, id, again)
}

// RetryAny is Retry for an upload of any producer. The caller must have checked that it may be retried.
func (p *Producer) RetryAny(ctx context.Context, id uuid.UUID, again bool) error {
	if err := p.TakeRate(); err != nil {
		return err
	}
	if err := p.retry(ctx, id, again); err != nil {
		return err
	}
	p.nudge()
	return nil
}

// retry opens a new round for one upload of the day's budget.
func (p *Producer) retry(ctx context.Context, id uuid.UUID, again bool) error {
	if err := p.SpendOne(ctx); err != nil {
		return err
	}
	if err := p.Ledger.Retry(ctx, id, again); err != nil {
		p.refundBudget(ctx)
		return fmt.Errorf("retry upload %s: %w", id, err)
	}
	return nil
}

// Cancel cancels an upload, and returns its new state: Canceled, or Running until its worker gives it up. If WeChat has
// answered already, the upload still ends Succeeded. It returns Conflict for an upload that has its outcome.
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
// else retries at the same time is counted once. Each costs as much as an upload, and is made at the producer's rate. After
// an error, calling it again goes on with the rest.
func (p *Producer) RetryFailed(ctx context.Context, batch uuid.UUID) (int, error) {
	b, err := p.Ledger.Batch(ctx, batch)
	if err != nil {
		return 0, fmt.Errorf("look up batch: %w", err)
	}
	if b.Producer != p.name() {
		return 0, notFound("batch", batch)
	}
	defer p.nudge()
	retried, waited := 0, time.Duration(0)
	f := tasks.Filter{Batch: batch, States: []tasks.State{tasks.Failed}, Limit: 1000}
	for {
		page, next, err := p.Ledger.List(ctx, f)
		if err != nil {
			return retried, fmt.Errorf("list failed uploads: %w", err)
		}
		for _, o := range page {
			if err := p.waitForRate(ctx, &waited); err != nil {
				return retried, err
			}
			switch err := p.retry(ctx, o.ID, false); {
			case err == nil:
				retried++
			case tasks.CodeOf(err) == tasks.Conflict:
				// it was retried since it was listed
			default:
				return retried, err
			}
		}
		if next == "" {
			return retried, nil
		}
		f.Cursor = next
	}
}

func notFound(what string, id uuid.UUID) error {
	return &tasks.Error{Code: tasks.NotFound, Op: "look up " + what, Err: tasks.Textf("there is no %s %s", what, id)}
}
