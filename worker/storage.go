package worker

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// patiently makes one call of the storage of a claim's source. It waits for a slow storage. A mount that hangs blocks the call
// in the kernel, and ctx can't end it: then patiently returns without it, when ctx ends or when the storage answers no call
// at all. after runs when such a call has returned.
func (w *Worker) patiently(ctx context.Context, claim tasks.Claim, call func() error, after func()) (left bool, err error) {
	returned := make(chan error, 1)
	go func() {
		var err error
		defer func() { returned <- err }()
		defer w.survive(ctx, claim, &err)
		err = call()
	}()
	look := time.NewTicker(w.cfg.StoragePatience)
	defer look.Stop()
	for {
		select {
		case err := <-returned:
			return false, err
		case <-ctx.Done():
			err = context.Cause(ctx)
		case <-look.C:
			err = w.Files.Answers(ctx, claim.Source)
		}
		if err != nil {
			go func() {
				<-returned //nolint:errcheck // the upload has gone on without it
				after()
			}()
			return true, err
		}
	}
}
