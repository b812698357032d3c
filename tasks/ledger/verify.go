package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// Finding is one thing in the ledger that can't be.
type Finding struct {
	Check      string    `json:"check"` // which rule it breaks
	Upload     uuid.UUID `json:"upload_id,omitzero"`
	Batch      uuid.UUID `json:"batch_id,omitzero"`
	What       string    `json:"what"`
	Repairable bool      `json:"repairable"` // Repair mends it, and loses nothing by that
	Repaired   bool      `json:"repaired"`

	key      int64 // of the row, as the check's query gives it
	dispatch tasks.Dispatch
}

// Belt says which dispatched uploads it has nothing of.
type Belt interface {
	Gone(ctx context.Context, ds []tasks.Dispatch) ([]tasks.Dispatch, error)
}

// VerifyOptions are the settings of Verify. The zero value is good.
type VerifyOptions struct {
	// Belt is asked for what is dispatched and not claimed. Nil: only the ledger is looked at.
	Belt Belt
}

const (
	// verifyTime bounds Verify where ctx does not: a ledger of ten million uploads is read in less.
	verifyTime = 10 * time.Minute
	// maxFindings bounds what one check reports.
	maxFindings = 1000
	// beltPatience is how long what was lost on the belt may stay there: the dispatcher brings it back by then.
	beltPatience = 15 * time.Second
)

// Verify looks for everything that can't be in a ledger, at most 1,000 findings of a kind. All of the ledger is seen as
// it was at one moment, so that one at work gives no false alarm, and nobody waits for it.
func (l *Ledger) Verify(ctx context.Context, o VerifyOptions) ([]Finding, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, verifyTime)
		defer cancel()
	}
	var found []Finding
	err := l.view(ctx, "verify ledger", func(t *tx) error {
		found = nil
		for _, c := range checks() {
			fs, err := c.findings(t, "", nil)
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
	lost, err := l.lostOnBelt(ctx, o.Belt)
	return append(found, lost...), err
}

// Repair mends what can be mended of findings, each in a transaction of its own that looks again first: what has
// changed meanwhile is left alone. It returns them with Repaired set where they are no more. What can't be mended for
// another fault beside it does not keep the rest from being mended: its error is among those that are returned.
func (l *Ledger) Repair(ctx context.Context, findings []Finding) ([]Finding, error) {
	all := map[string]check{}
	for _, c := range checks() {
		all[c.name] = c
	}
	mended := slices.Clone(findings)
	var errs []error
	for i := range mended {
		f := &mended[i]
		if !f.Repairable {
			continue
		}
		err := l.mend(ctx, all, *f)
		if f.Repaired = err == nil; err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Check, err))
		}
		if tasks.CodeOf(err) == tasks.Unavailable {
			break
		}
	}
	return mended, errors.Join(errs...)
}

func (l *Ledger) mend(ctx context.Context, all map[string]check, f Finding) error {
	if f.Check == lostOnBelt {
		_, err := l.Undispatch(ctx, []tasks.Dispatch{f.dispatch})
		return err
	}
	return l.do(ctx, "repair ledger", func(t *tx) error { return all[f.Check].repair(t, f.key) })
}

// check is one rule that a ledger keeps.
type check struct {
	name string
	what string
	// query selects the rows that break it: a key, the upload's id, the batch's, and a detail for people.
	// It ends in a WHERE clause.
	query string
	key   string // the key as a condition can name it
	args  func(t *tx) args
	mend  func(t *tx, key int64) error // nil: a person has to look at it
}

func checks() []check {
	all := append(uploadChecks(), eventChecks()...)
	return append(append(all, batchChecks()...), mediaChecks()...)
}

func (c check) findings(t *tx, more string, a args) ([]Finding, error) {
	var before args
	if c.args != nil {
		before = c.args(t)
	}
	var fs []Finding
	err := t.each(c.query+more+" LIMIT ?", append(append(before, a...), maxFindings), func(s scanner) error {
		f := Finding{Check: c.name, What: c.what, Repairable: c.mend != nil}
		var upload, batch []byte
		var detail string
		err := s.Scan(&f.key, &upload, &batch, &detail)
		copy(f.Upload[:], upload)
		copy(f.Batch[:], batch)
		if detail != "" {
			f.What += ": " + detail
		}
		fs = append(fs, f)
		return err
	})
	return fs, err
}

// repair mends the row with that key, if it still breaks the rule.
func (c check) repair(t *tx, key int64) error {
	fs, err := c.findings(t, " AND "+c.key+" = ?", args{key})
	if err != nil || len(fs) == 0 {
		return err
	}
	return c.mend(t, key)
}

const lostOnBelt = "lost-on-belt"

// lostOnBelt asks the belt for what was dispatched long ago and not claimed, and then the ledger whether that is
// still so: a task that was worked off meanwhile is gone, too.
func (l *Ledger) lostOnBelt(ctx context.Context, b Belt) ([]Finding, error) {
	ds, err := l.OnBelt(ctx, beltPatience, maxFindings)
	if err != nil || len(ds) == 0 {
		return nil, err
	}
	gone, err := b.Gone(ctx, ds)
	if err != nil {
		return nil, err
	}
	var fs []Finding
	err = l.view(ctx, "verify ledger", func(t *tx) error {
		fs = nil
		for _, d := range gone {
			there, err := t.row("SELECT seq FROM uploads WHERE id = ? AND generation = ? AND phase = 1", args{d.ID[:], d.Generation}, new(int64))
			if err != nil {
				return err
			}
			if there {
				fs = append(fs, Finding{
					Check: lostOnBelt, Upload: d.ID, dispatch: d, Repairable: true,
					What: "it was dispatched at " + d.At.Format(time.RFC3339) + " and is not on the belt",
				})
			}
		}
		return nil
	})
	return fs, err
}
