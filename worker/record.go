package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// record writes down how a try ended. While the ledger is away it keeps the result, since a media_id that is
// forgotten must be paid for again; it gives up when RecordLimit is over, some seconds after Stop, or when the claim has gone to somebody else.
// From here on the ledger, not the belt, brings the upload again.
func (w *Worker) record(ctx context.Context, claim tasks.Claim, result tasks.Result, err error, started time.Time) {
	took := time.Since(started)
	end := w.ending(ctx, claim, result, err, tasks.Attempt{Round: claim.Round, Started: started, Took: took})
	defer func() { w.tell(ctx, claim, end, took) }()
	if end.write == nil {
		return
	}
	defer w.passed(tasks.StageRecord, time.Now())
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.RecordLimit)
	defer cancel()
	watched := false
	for {
		end.err = end.write(limited)
		if tasks.CodeOf(end.err) != tasks.Unavailable {
			return
		}
		w.gate.shut(end.err)
		if !watched {
			watched = true
			go w.giveUpAfterStop(limited, cancel)
		}
		if w.gate.pass(limited) != nil {
			return
		}
	}
}

// keepAfterStop is how long a result is kept for a ledger that is away after Stop: less than the time for handing back.
const keepAfterStop = 5 * time.Second

// giveUpAfterStop calls cancel some time after Stop, unless ctx ends before.
func (w *Worker) giveUpAfterStop(ctx context.Context, cancel func()) {
	select {
	case <-ctx.Done():
		return
	case <-w.stopped:
	}
	select {
	case <-ctx.Done():
	case <-time.After(keepAfterStop):
		cancel()
	}
}

// ending is what a try came to: what to write, and what the log line says.
type ending struct {
	state tasks.State // the state that the upload is left in; Queued for handed back
	cause *tasks.Error
	pause time.Duration
	write func(context.Context) error // nil: nothing to write
	err   error                       // of write
	reuse bool
	media string
}

// ending decides. The code of the error, and nothing else about it, says what happens.
func (w *Worker) ending(ctx context.Context, claim tasks.Claim, result tasks.Result, err error, attempt tasks.Attempt) ending {
	if err == nil {
		if !result.Reused {
			result.Attempt = &attempt
		}
		return w.finish(claim, result)
	}
	if wait, ok := errors.AsType[putToWaitError](err); ok {
		return ending{state: tasks.Waiting, cause: &tasks.Error{Code: wait.code}}
	}
	if cause := context.Cause(ctx); cause != nil {
		return w.interrupted(claim, result, cause)
	}
	cause := tasks.AsError(err)
	if cause.Code == tasks.Stopped || cause.Code == tasks.Unavailable || errors.Is(err, tasks.ErrFenced) || errors.Is(err, errStopping) {
		return w.interrupted(claim, result, err)
	}
	attempt.Code, attempt.Errcode, attempt.RID, attempt.Reason, attempt.Params = cause.Code, cause.Errcode, cause.RID, cause.Error(), cause.Values()
	switch cause.Code.Reaction() {
	case tasks.ReactBackoff:
		return w.again(claim, result, cause, attempt, w.cfg.Retry.Attempts, w.cfg.Retry.pause(claim.Attempts+1, w.random(), cause.RetryAfter))
	case tasks.ReactSlowly:
		return w.again(claim, result, cause, attempt, w.cfg.Retry.UnknownAttempts, max(w.cfg.Retry.UnknownPause, cause.RetryAfter))
	case tasks.ReactHold:
		return w.hold(claim, cause)
	case tasks.ReactHandBack:
		return w.handBack(claim, cmp.Or(cause.RetryAfter, w.cfg.HandBack), cause)
	default:
		return w.fail(claim, result, cause, attempt)
	}
}

// interrupted is for a try that neither the file nor WeChat ended.
func (w *Worker) interrupted(claim tasks.Claim, result tasks.Result, cause error) ending {
	switch {
	case errors.Is(cause, errLeaseLost), errors.Is(cause, tasks.ErrFenced):
		return ending{state: tasks.Queued, err: tasks.ErrFenced}
	case tasks.CodeOf(cause) == tasks.Stopped:
		result.State, result.Cause = tasks.Canceled, canceled()
		return w.finish(claim, result)
	default: // shutting down, the ledger was away, or the belt took its task back
		return w.handBack(claim, 0, nil)
	}
}

func (w *Worker) finish(claim tasks.Claim, r tasks.Result) ending {
	return ending{state: r.State, cause: r.Cause, reuse: r.Reused, media: r.Media.ID, write: func(ctx context.Context) error {
		return w.Ledger.Finish(ctx, claim.Token, r)
	}}
}

func (w *Worker) fail(claim tasks.Claim, r tasks.Result, cause *tasks.Error, attempt tasks.Attempt) ending {
	r.State, r.Cause, r.Attempt = tasks.Failed, cause, &attempt
	return w.finish(claim, r)
}

// again lets the upload wait for its next attempt, or fails it where this was the last one.
func (w *Worker) again(claim tasks.Claim, r tasks.Result, cause *tasks.Error, attempt tasks.Attempt, limit int, pause time.Duration) ending {
	if claim.Attempts+1 >= limit {
		return w.fail(claim, r, cause, attempt)
	}
	return ending{state: tasks.Waiting, cause: cause, pause: pause, write: func(ctx context.Context) error {
		return w.Ledger.Wait(ctx, claim.Token, tasks.Pause{For: pause, Cause: cause, Attempt: &attempt})
	}}
}

// hold pauses the whole account and gives the upload back: it waits for the hold's end without burning an attempt.
func (w *Worker) hold(claim tasks.Claim, cause *tasks.Error) ending {
	pause := w.holdTime(cause)
	account := w.accounts[claim.Account]
	return ending{state: tasks.Waiting, cause: cause, pause: pause, write: func(ctx context.Context) error {
		err := w.Ledger.Hold(ctx, tasks.Hold{
			Realm: account.Realm, AppID: account.AppID,
			Code: cause.Code, Errcode: cause.Errcode, RID: cause.RID, Reason: cause.Error(), Params: cause.Values(),
			Until: time.Now().Add(pause),
		})
		if err != nil {
			return fmt.Errorf("hold account: %w", err)
		}
		return w.Ledger.HandBack(ctx, claim.Token, 0, cause)
	}}
}

func (w *Worker) handBack(claim tasks.Claim, after time.Duration, cause *tasks.Error) ending {
	return ending{state: tasks.Queued, cause: cause, pause: after, write: func(ctx context.Context) error {
		return w.Ledger.HandBack(ctx, claim.Token, after, cause)
	}}
}

// holdTime returns the time for which an account is held: as WeChat said, or else as the settings say.
func (w *Worker) holdTime(cause *tasks.Error) time.Duration {
	switch {
	case cause.RetryAfter > 0:
		return cause.RetryAfter
	case cause.Code == tasks.MinuteLimit:
		return w.cfg.MinuteHold
	case cause.Code == tasks.DailyLimit:
		return w.cfg.DailyHold
	case cause.Errcode/100 == 895:
		return w.cfg.AccountHoldSlow
	default:
		return w.cfg.AccountHold
	}
}
