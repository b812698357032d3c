package enqueue

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/mediaferry/mediaferry/tasks"
)

// Budget counts the uploads that a producer submits in a day.
type Budget interface {
	// SpendBudget takes up to n uploads from the day's budget, or gives -n back, and returns the number that it got. It
	// returns TooMany if nothing is left.
	SpendBudget(ctx context.Context, producer string, n, limit int) (int, error)
}

// pace returns the producer's limiter, and nil if the producer has no limit.
func (p *Producer) pace() *rate.Limiter {
	if p.Rates == nil {
		return nil
	}
	return p.Rates.Of(p.name(), p.Rights.RatePerMinute)
}

// TakeRate takes one request from the producer's rate. It returns TooMany, with the time to wait, if the rate is used up.
// A request that was accepted before counts too, and so does one for other work than an upload.
func (p *Producer) TakeRate() error {
	if p.Rates == nil {
		return nil
	}
	if wait := p.Rates.reserve(p.name(), p.Rights.RatePerMinute); wait > 0 {
		return &tasks.Error{Code: tasks.TooMany, Op: "check rate", Err: errors.New("the uploads of this minute are used up"), RetryAfter: wait}
	}
	return nil
}

// waitForRate waits until the rate allows one more row.
func (p *Producer) waitForRate(ctx context.Context) error {
	l := p.pace()
	if l == nil {
		return nil
	}
	if err := l.Wait(ctx); err != nil {
		return &tasks.Error{Code: tasks.Unavailable, Op: "wait for rate", Err: errors.New("the request was given up")}
	}
	return nil
}

// spendBudget takes one upload from the day's budget, for work that Submit does not charge.
func (p *Producer) spendBudget(ctx context.Context) error {
	if p.Rights.DailyBudget <= 0 {
		return nil
	}
	_, err := p.Ledger.SpendBudget(ctx, p.name(), 1, p.Rights.DailyBudget)
	return err
}

// refundBudget gives one upload back. If that fails it is lost until tomorrow.
func (p *Producer) refundBudget(ctx context.Context) {
	if p.Rights.DailyBudget <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refundTime)
	defer cancel()
	_, _ = p.Ledger.SpendBudget(ctx, p.name(), -1, p.Rights.DailyBudget)
}

const refundTime = 5 * time.Second
