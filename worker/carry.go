package worker

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Carry carries a chunk of dispatched uploads from claim to outcome. It returns nil when the task is done, also if claims
// were refused because the dispatch is old or repeated. It returns an error if the ledger could not be reached before ctx
// ended: the belt should bring the task again.
//
// Each upload has its own lease, its own cancel and its own outcome, which is recorded as soon as it is known. Uploads that
// find no room here go back to the ledger.
func (w *Worker) Carry(ctx context.Context, p tasks.RunPayload) error {
	ctx, release := w.untilStopped(ctx)
	defer release()

	room, err := w.makeRoom(ctx, &p)
	if err != nil {
		return w.giveBack(ctx, p.Runs)
	}
	defer room.leave()
	claims, until, err := w.claim(ctx, p)
	if err != nil {
		return refused(err)
	}
	room.keep(len(claims))
	var carried sync.WaitGroup
	for _, claim := range claims {
		carried.Go(func() { w.carry(ctx, claim, until, w.placeIn(room, claim)) })
	}
	carried.Wait()
	return nil
}

// carry carries one claimed upload to its outcome, or hands it back.
func (w *Worker) carry(ctx context.Context, claim tasks.Claim, until time.Time, here *place) {
	ctx, drop := w.leases.keep(ctx, claim.Token, until)
	defer drop()
	defer here.leave()

	if claim.Waited > 0 {
		w.cfg.Observer.Claimed(claim.Waited)
	}
	started := time.Now()
	result, err := w.try(ctx, claim, here)
	w.record(ctx, claim, result, err, started)
}

// try is one attempt: source, validation, reuse, WeChat. A panic in it fails this attempt only.
func (w *Worker) try(ctx context.Context, claim tasks.Claim, here *place) (result tasks.Result, err error) {
	defer w.survive(ctx, claim, &err)
	account, err := w.account(claim)
	if err != nil {
		return result, err
	}
	if err := w.enter(ctx, claim, here); err != nil {
		return result, err
	}
	file, err := w.open(ctx, claim, &result)
	if err != nil {
		return result, err
	}
	defer file.close()
	if err := w.stepAside(here, claim, file); err != nil {
		return result, err
	}
	result.Key = w.mediaKey(account, claim)
	var n calls
	defer w.settle(ctx, account, &n)
	if err := w.admitKnown(ctx, claim, file, &result, &n); err != nil || result.Reused {
		return result, err
	}

	body, err := w.read(ctx, claim, here, file)
	if err != nil {
		return result, err
	}
	defer body.release()
	result.Read.Hash = body.hash
	if err := wanted(claim, body.hash); err != nil && !claim.Fix {
		return result, err
	}
	content, err := w.validate(ctx, claim, &body)
	if err != nil {
		return result, err
	}
	if err := body.describe(claim, n.admitted, &result); err != nil {
		return result, err
	}
	var pace time.Duration
	if !n.admitted {
		if pace, err = w.admit(ctx, claim, &result, &n); err != nil || result.Reused {
			return result, err
		}
	}
	if result.Media, err = w.upload(ctx, claim, account, pace, body.payload(content), &n); err == nil {
		result.State = tasks.Succeeded
	}
	return result, err
}

// account is the claim's account, where this worker may call WeChat for it.
func (w *Worker) account(claim tasks.Claim) (tasks.Account, error) {
	a, known := w.accounts[claim.Account]
	if !known {
		return a, &tasks.Error{Code: tasks.NoWork, Op: "look up account", Err: tasks.Textf("account %q is not in this worker's settings", claim.Account)}
	}
	return a, w.keptOut(a)
}

// survive is deferred, and turns a panic into the error of one attempt.
func (w *Worker) survive(ctx context.Context, claim tasks.Claim, err *error) {
	if p := recover(); p != nil {
		w.log.ErrorContext(ctx, "panic while carrying an upload", keyUpload, claim.ID, "panic", p, "stack", string(debug.Stack()))
		*err = &tasks.Error{Code: tasks.Internal, Op: "carry upload", Err: tasks.Textf("panic: %v", p)}
	}
}
