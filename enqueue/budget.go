package enqueue

import (
	"context"
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
		return &tasks.Error{Code: tasks.TooMany, Op: "check rate", Err: tasks.Textf("the uploads of this minute are used up"), RetryAfter: wait}
	}
	return nil
}

// Charge takes one upload from the producer's rate and from its day's budget, for work of another kind that leaves rows
// or webhooks behind.
func (p *Producer) Charge(ctx context.Context) error {
	if err := p.TakeRate(); err != nil {
		return err
	}
	return p.SpendOne(ctx)
}

// Ready returns TooMany while the producer's rate is used up. It takes nothing: a way in asks before it takes a large body.
func (p *Producer) Ready() error {
	if p.Rates == nil || p.Rates.allowed(p.name(), p.Rights.RatePerMinute, 1) > 0 {
		return nil
	}
	return &tasks.Error{Code: tasks.TooMany, Op: "check rate", Err: tasks.Textf("the uploads of this minute are used up"), RetryAfter: time.Minute / time.Duration(p.Rights.RatePerMinute)}
}

// waitForRate waits until the rate allows one more row. It adds that to waited, and returns TooMany where it would be more
// than the producer's patience.
func (p *Producer) waitForRate(ctx context.Context, waited *time.Duration) error {
	l := p.pace()
	if l == nil {
		return nil
	}
	taken := l.Reserve()
	wait := taken.Delay()
	if p.Patience > 0 && *waited+wait > p.Patience {
		taken.Cancel()
		return &tasks.Error{Code: tasks.TooMany, Op: "wait for rate", Err: tasks.Textf("the rows come much faster than this producer's rate"), RetryAfter: wait,
			Hint: "send the batch again later under the same Idempotency-Key, or fewer rows at a time"}
	}
	*waited += wait
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		taken.Cancel()
		return &tasks.Error{Code: tasks.Unavailable, Op: "wait for rate", Err: tasks.Textf("the request was given up")}
	}
}

// SpendOne takes one upload from the day's budget, for work that the ledger does not count by itself.
func (p *Producer) SpendOne(ctx context.Context) error {
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
