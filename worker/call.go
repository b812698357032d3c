package worker

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// putToWaitError ends a try whose claim the ledger has ended: the upload waits.
type putToWaitError struct{ code tasks.Code }

func (p putToWaitError) Error() string { return "put to wait by the ledger: " + string(p.code) }

// calls counts those of one try: admit takes the first one from the account's count, and whoever makes more takes those.
type calls struct {
	admitted bool
	made     int
}

// admit asks the ledger whether WeChat may be called for the content of result. If a live media is known, admit puts it
// into result. pace is the time to wait before the call.
func (w *Worker) admit(ctx context.Context, claim tasks.Claim, result *tasks.Result, n *calls) (pace time.Duration, err error) {
	a, err := w.Ledger.Admit(ctx, claim.Token, result.Key, tasks.AdmitOptions{Fresh: w.cfg.Fresh, NoReuse: claim.NoReuse, Identity: result.Read.Identity})
	if err != nil {
		return 0, err
	}
	switch a.Verdict {
	case tasks.Proceed:
		n.admitted = true
		return a.Wait, nil
	case tasks.Reuse:
		result.State, result.Media, result.Reused = tasks.Succeeded, a.Media, true
		return 0, nil
	case tasks.DaySpent:
		return 0, putToWaitError{tasks.DailyLimit}
	case tasks.MinuteSpent:
		return 0, putToWaitError{tasks.MinuteLimit}
	default:
		return 0, putToWaitError{tasks.Twin}
	}
}

// admitKnown is admit, and the wait for the call, where an earlier run has read what the file holds.
func (w *Worker) admitKnown(ctx context.Context, claim tasks.Claim, f *opened, result *tasks.Result, n *calls) error {
	if claim.Known.Identity == "" || claim.Known.Identity != f.Identity {
		return nil
	}
	result.Key.Hash, result.Size = claim.Known.Hash, f.Size
	pace, err := w.admit(ctx, claim, result, n)
	if err != nil || result.Reused {
		return err
	}
	return sleep(ctx, pace)
}

// upload calls WeChat. It holds a slot during the call only.
func (w *Worker) upload(ctx context.Context, claim tasks.Claim, account tasks.Account, pace time.Duration, p tasks.Payload, n *calls) (tasks.Media, error) {
	p.Spend = func(ctx context.Context) error {
		if n.made++; n.made == 1 {
			return nil
		}
		return w.Ledger.Spend(ctx, account)
	}
	media, err := w.call(ctx, claim, pace, p)
	err = w.learn(ctx, account, err)
	if tasks.CodeOf(err) == tasks.Unreachable {
		n.made = 0
	}
	return media, err
}

// settle gives back a call that was admitted and not made, as where the file could not be read, or without an access token.
func (w *Worker) settle(ctx context.Context, account tasks.Account, n *calls) {
	if !n.admitted || n.made > 0 {
		return
	}
	if err := w.Ledger.Refund(context.WithoutCancel(ctx), account); err != nil {
		w.log.WarnContext(ctx, "a call that was not made stays counted", keyAccount, account.Name, "error", err)
	}
}

func (w *Worker) call(ctx context.Context, claim tasks.Claim, pace time.Duration, p tasks.Payload) (tasks.Media, error) {
	if err := sleep(ctx, pace); err != nil {
		return tasks.Media{}, err
	}
	leave, err := w.lanes.of(claim.Priority).slots.take(ctx, claim.Account, 1)
	if err != nil {
		return tasks.Media{}, err
	}
	defer leave()
	return w.Uploader.Upload(ctx, claim.Account, p)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
