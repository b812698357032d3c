package api

import (
	"context"
	"errors"
	"time"

	"golang.org/x/time/rate"

	"github.com/mediaferry/mediaferry/tasks"
)

// pace returns the caller's limiter, which its actions on many uploads go by as well; nil where it has no limit.
func (s *Server) pace(i Identity) *rate.Limiter { return s.cfg.Actor.Rates.Of(i.Name, i.RatePerMinute) }

// one takes one upload from the caller's rate and budget. It returns TooMany, with how long to wait.
func (s *Server) one(ctx context.Context, i Identity) error {
	if l := s.pace(i); l != nil {
		now := s.cfg.Now()
		r := l.ReserveN(now, 1)
		if wait := r.DelayFrom(now); wait > 0 {
			r.CancelAt(now)
			return &tasks.Error{Code: tasks.TooMany, Op: "check rate", Err: errors.New("the uploads of this minute are used up"), RetryAfter: wait}
		}
	}
	if i.DailyBudget <= 0 {
		return nil
	}
	_, err := s.cfg.Ledger.SpendBudget(ctx, i.Name, 1, i.DailyBudget)
	return err
}

// allowance is what a batch may still submit. Budget is taken in blocks, and what is left of them goes back.
type allowance struct {
	s     *Server
	who   Identity
	pace  *rate.Limiter
	taken int
	used  int
	spent error // the day's budget is used up
}

const budgetBlock = 1000

func (s *Server) allowance(i Identity) *allowance {
	return &allowance{s: s, who: i, pace: s.pace(i)}
}

// next waits until the rate allows one more row. It returns Denied, which refuses the row alone, where the day's
// budget is used up.
func (a *allowance) next(ctx context.Context) error {
	if a.pace != nil {
		if err := a.pace.Wait(ctx); err != nil {
			return &tasks.Error{Code: tasks.Unavailable, Op: "wait for rate", Err: errors.New("the request was given up")}
		}
	}
	if a.who.DailyBudget <= 0 {
		return nil
	}
	if a.used == a.taken && a.spent == nil {
		n, err := a.s.cfg.Ledger.SpendBudget(ctx, a.who.Name, budgetBlock, a.who.DailyBudget)
		a.taken += n
		if err != nil && tasks.CodeOf(err) != tasks.TooMany {
			return err
		}
		a.spent = err
	}
	if a.spent != nil {
		return refused("daily_budget: the uploads that this key may submit today are used up")
	}
	a.used++
	return nil
}

// settle gives back what was taken for more than the accepted rows.
func (a *allowance) settle(ctx context.Context, accepted int) {
	a.s.unspend(ctx, a.who, a.taken-accepted)
}

// unspend gives n uploads back to the day's budget. Where that fails they are lost until tomorrow.
func (s *Server) unspend(ctx context.Context, who Identity, n int) {
	if n <= 0 || who.DailyBudget <= 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	if _, err := s.cfg.Ledger.SpendBudget(ctx, who.Name, -n, who.DailyBudget); err != nil {
		s.note(ctx, err)
	}
}

const settleTime = 5 * time.Second
