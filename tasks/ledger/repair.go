package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/check"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
)

// Repair repairs the repairable findings, each in a transaction of its own. It checks each finding again first, and leaves
// alone what has changed. It returns all findings, with Repaired set for those that are gone. A repair that fails does
// not stop the others; its error is among those returned.
func (l *Ledger) Repair(ctx context.Context, findings []view.Finding) ([]view.Finding, error) {
	mended := slices.Clone(findings)
	var errs []error
	for i := range mended {
		f := &mended[i]
		if !f.Repairable {
			continue
		}
		err := l.repair(ctx, *f)
		if f.Repaired = err == nil; err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", f.Check, err))
		}
		if tasks.CodeOf(err) == tasks.Unavailable {
			break
		}
	}
	return mended, errors.Join(errs...)
}

func (l *Ledger) repair(ctx context.Context, f view.Finding) error {
	if f.Check == check.LostOnBelt {
		_, err := l.Undispatch(ctx, []tasks.Chunk{{Runs: []tasks.RunRef{f.Run}}})
		return err
	}
	return l.do(ctx, "repair ledger", func(t *tx) error {
		for _, c := range check.All() {
			if c.Name != f.Check {
				continue
			}
			again, err := c.Findings(t.Tx, " AND "+c.Key+" = ?", db.Args{f.Key})
			if err != nil || len(again) == 0 {
				return err
			}
			return repairs()[c.Name](t, f.Key)
		}
		return nil
	})
}

// repairs returns the repair of each repairable rule, by the rule's name. It takes the key of the row.
func repairs() map[string]func(t *tx, key int64) error {
	return map[string]func(t *tx, key int64) error{
		"under-way-without-run":      (*tx).makeReady,
		"run-without-upload":         (*tx).dropRun,
		"waiting-for-ever":           (*tx).makeReady,
		"attempts-beyond-count":      (*tx).countAttempts,
		"batch-counts":               (*tx).recount,
		"batch-complete-too-early":   (*tx).recount,
		"batch-never-complete":       (*tx).recount,
		"batch-without-event":        (*tx).recount,
		"outcome-without-event":      (*tx).addEvent,
		"delivery-missing":           (*tx).addDelivery,
		"delivery-without-event":     (*tx).dropDelivery,
		"delivery-for-ever":          (*tx).deliverNow,
		"media-held-by-nobody":       (*tx).freeMedia,
		"media-past-its-life":        (*tx).forgetLongMedia,
		"kept-upload-without-keeper": (*tx).addKeeper,
		"kept-for-nobody":            (*tx).dropUnkept,
		"kept-without-renewal":       (*tx).renewAgain,
		"keeper-of-nothing":          (*tx).dropKeeper,
		"quota-negative":             (*tx).zeroQuota,
		"budget-negative":            (*tx).zeroBudgets,
		"rounds-uncounted":           (*tx).countRounds,
		"uploads-uncounted":          (*tx).countUploads,
	}
}
