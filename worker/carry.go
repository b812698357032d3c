package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Carry takes one dispatched upload from claim to outcome. It returns nil when there is nothing left to do for this
// dispatch, also when the claim was refused because the dispatch is old or repeated. An error means that the ledger
// could not be reached before ctx ended: the belt should bring the task again.
func (w *Worker) Carry(ctx context.Context, p tasks.RunPayload) error {
	ctx, release := w.untilStopped(ctx)
	defer release()

	claim, err := w.claim(ctx, p)
	if err != nil {
		return refused(err)
	}
	ctx, drop := w.leases.keep(ctx, claim)
	defer drop()

	started := time.Now()
	result, err := w.try(ctx, claim)
	return w.record(ctx, claim, result, err, started)
}

// try is one attempt: source, validation, reuse, WeChat. A panic in it fails this attempt only.
func (w *Worker) try(ctx context.Context, claim tasks.Claim) (result tasks.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.log.ErrorContext(ctx, "panic while carrying an upload", keyUpload, claim.ID, "panic", p, "stack", string(debug.Stack()))
			err = &tasks.Error{Code: tasks.Internal, Op: "carry upload", Err: fmt.Errorf("panic: %v", p)}
		}
	}()
	account, known := w.accounts[claim.Account]
	if !known {
		return result, &tasks.Error{Code: tasks.NoWork, Op: "look up account", Err: fmt.Errorf("account %q is not in this worker's settings", claim.Account)}
	}
	leave, err := w.enter(ctx, claim)
	if err != nil {
		return result, err
	}
	defer leave()

	body, err := w.read(ctx, claim)
	if err != nil {
		return result, err
	}
	defer body.release()

	content, err := w.validate(&body, claim)
	if err != nil {
		return result, err
	}
	key := tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: claim.Type, Hash: tasks.HashOf(body.bytes)}
	result = tasks.Result{Key: key, Size: int64(len(body.bytes)), Original: body.original, Fixed: body.fixed}

	admission, err := w.Ledger.Admit(ctx, claim.Token, key, tasks.AdmitOptions{
		Fresh: w.cfg.Fresh, NoReuse: claim.NoReuse, DailyLimit: account.DailyLimit, ResetZone: account.ResetZone,
	})
	switch {
	case err != nil:
		return result, err
	case admission.Verdict == tasks.Reuse:
		result.State, result.Media, result.Reused = tasks.Succeeded, admission.Media, true
		return result, nil
	case admission.Verdict != tasks.Proceed: // the ledger has put it to wait, in the same transaction
		return result, errPutToWait
	}
	if result.Media, err = w.upload(ctx, account, tasks.Payload{Content: content, Body: body.bytes}); err != nil {
		return result, err
	}
	result.State = tasks.Succeeded
	return result, nil
}

// upload calls WeChat. Admit has taken the first call from the day's count: it is given back where none was made, as
// when no access token could be had.
func (w *Worker) upload(ctx context.Context, account tasks.Account, p tasks.Payload) (tasks.Media, error) {
	calls := 0
	p.Spend = func(ctx context.Context) error {
		if calls++; calls == 1 {
			return nil
		}
		return w.Ledger.Spend(ctx, account)
	}
	media, err := w.Uploader.Upload(ctx, account.Name, p)
	if err != nil && calls == 0 {
		if refund := w.Ledger.Refund(context.WithoutCancel(ctx), account); refund != nil {
			w.log.WarnContext(ctx, "a call that was not made stays counted", keyAccount, account.Name, "error", refund)
		}
	}
	return media, err
}

// errPutToWait ends a try whose claim the ledger has ended by itself.
var errPutToWait = errors.New("put to wait by the ledger")

// claim asks the ledger for the upload, waiting while the ledger is away.
func (w *Worker) claim(ctx context.Context, p tasks.RunPayload) (tasks.Claim, error) {
	if p.Ledger != w.Ledger.ID() {
		w.log.WarnContext(ctx, "a task of another ledger came over this belt: give each ledger its own queue_prefix", "ledger_id", p.Ledger, keyUpload, p.Upload)
		return tasks.Claim{}, tasks.ErrFenced
	}
	for {
		if err := w.gate.pass(ctx); err != nil {
			return tasks.Claim{}, err
		}
		claim, err := w.Ledger.Claim(ctx, p.Upload, p.Generation, w.cfg.Name, w.cfg.Lease)
		if tasks.CodeOf(err) != tasks.Unavailable || ctx.Err() != nil {
			return claim, err
		}
		w.gate.shut(err)
	}
}

// refused turns an error of claim into what the belt should hear.
func refused(err error) error {
	if errors.Is(err, tasks.ErrFenced) || tasks.CodeOf(err) == tasks.NotFound {
		return nil
	}
	return err
}

// enter waits for a slot: an ordinary upload takes one, an upload that workers died on takes them all.
func (w *Worker) enter(ctx context.Context, claim tasks.Claim) (leave func(), err error) {
	if claim.Canceled {
		return nil, canceled()
	}
	if !claim.Alone() {
		return w.lanes.enter(ctx, claim)
	}
	leave, err = w.lanes.enterAlone(ctx)
	if err != nil {
		return nil, err
	}
	if err := w.Ledger.Alone(ctx, claim.Token); err != nil {
		leave()
		return nil, err
	}
	return leave, nil
}

func canceled() *tasks.Error {
	return &tasks.Error{Code: tasks.Stopped, Op: "carry upload", Err: errors.New("somebody asked to cancel it")}
}

// untilStopped gives a context that ends with ctx or when Stop is called.
func (w *Worker) untilStopped(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		select {
		case <-w.stopped:
			cancel(errStopping)
		case <-done:
		}
	}()
	return ctx, func() { close(done); cancel(nil) }
}
