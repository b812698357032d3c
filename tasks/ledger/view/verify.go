package view

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/check"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Finding is one thing in the ledger that breaks a rule.
type Finding = check.Finding

// Belt says which dispatched chunks it has lost.
type Belt interface {
	Gone(ctx context.Context, chunks []tasks.Chunk) ([]tasks.Chunk, error)
}

// VerifyOptions are the settings of Verify. The zero value is good.
type VerifyOptions struct {
	// Belt is asked for the chunks that are dispatched and not claimed. Nil: only the ledger is checked.
	Belt Belt
}

const (
	// verifyTime bounds Verify if ctx does not. It suffices for a ledger of ten million uploads.
	verifyTime = 10 * time.Minute
	// beltPatience is the time after which a chunk that was lost on the belt is a finding. The dispatcher recovers it
	// before that.
	beltPatience = 15 * time.Second
)

// Verify finds the rows that break a rule, at most 1,000 for each rule. It reads the ledger as it is at one moment, so that
// work in progress gives no false alarm, and never makes others wait.
func (v *View) Verify(ctx context.Context, o VerifyOptions) ([]Finding, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, verifyTime)
		defer cancel()
	}
	var found []Finding
	err := v.long.Snapshot(ctx, "verify ledger", func(t *db.Tx) error {
		found = nil
		for _, c := range check.All() {
			fs, err := c.Findings(t, "", nil)
			if err != nil {
				return err
			}
			found = append(found, fs...)
		}
		return nil
	})
	if err != nil || o.Belt == nil {
		return found, err
	}
	lost, err := v.lostOnBelt(ctx, o.Belt)
	return append(found, lost...), err
}

// lostOnBelt asks the belt for the chunks that were dispatched long ago and are not claimed. Then it reads the ledger again,
// since a task that was finished meanwhile is not on the belt either.
func (v *View) lostOnBelt(ctx context.Context, b Belt) ([]Finding, error) {
	var chunks []tasks.Chunk
	err := v.long.Snapshot(ctx, "verify ledger", func(t *db.Tx) (err error) {
		chunks, err = schema.OnBelt(t, beltPatience, check.MaxFindings)
		return err
	})
	if err != nil || len(chunks) == 0 {
		return nil, err
	}
	gone, err := b.Gone(ctx, chunks)
	if err != nil {
		return nil, err
	}
	var fs []Finding
	err = v.long.Snapshot(ctx, "verify ledger", func(t *db.Tx) error {
		fs = nil
		for _, c := range gone {
			err := t.Each("SELECT u.id, r.generation FROM runs r JOIN uploads u ON u.seq = r.upload WHERE r.task = ? AND r.token IS NULL", db.Args{c.Task}, func(s db.Scanner) error {
				what := tasks.Textf("it was dispatched at %s and is not on the belt", c.At.Format(time.RFC3339))
				f := check.Finding{Check: check.LostOnBelt, Repairable: true, What: what.Error(), Text: what}
				err := s.Scan(&f.Run.Upload, &f.Run.Generation)
				f.Upload = f.Run.Upload
				fs = append(fs, f)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	return fs, err
}
