package worker

import (
	"context"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// giveBack tells the ledger that these runs were not claimed here: their uploads are ready again, for any worker.
func (w *Worker) giveBack(ctx context.Context, runs []tasks.RunRef) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), w.cfg.Lease)
	defer cancel()
	_, err := w.Ledger.Undispatch(ctx, []tasks.Chunk{{Runs: runs}})
	return err
}

// claim claims the uploads of a task, and waits while the ledger is away. until is the end of their leases, counted from
// the time before the claim was sent. If an answer was lost, claim asks again with the same tokens, which is the same claim.
func (w *Worker) claim(ctx context.Context, p tasks.RunPayload) (_ []tasks.Claim, until time.Time, _ error) {
	if p.Ledger != w.Ledger.ID() {
		w.log.WarnContext(ctx, "a task of another ledger came over this belt: give each ledger its own queue_prefix", "ledger_id", p.Ledger)
		return nil, until, tasks.ErrFenced
	}
	bids := tasks.NewBids(p.Runs)
	for {
		if err := w.gate.pass(ctx); err != nil {
			return nil, until, err
		}
		until = time.Now().Add(w.cfg.Lease)
		claims, err := w.Ledger.Claim(ctx, bids, w.cfg.Name, w.cfg.Lease)
		if tasks.CodeOf(err) != tasks.Unavailable || ctx.Err() != nil {
			return claims, until, err
		}
		w.gate.shut(err)
	}
}

// refused turns an error of claim into the error for the belt.
func refused(err error) error {
	if errors.Is(err, tasks.ErrFenced) || tasks.CodeOf(err) == tasks.NotFound {
		return nil
	}
	return err
}

func canceled() *tasks.Error {
	return &tasks.Error{Code: tasks.Stopped, Op: "carry upload", Err: tasks.Textf("somebody asked to cancel it")}
}

// untilStopped returns a context that ends with ctx or when Stop is called.
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
