package enqueue

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// readOnlyLedger counts budgets, and takes no work.
type readOnlyLedger struct{ ProducerLedger }

func (readOnlyLedger) OpenBatch(context.Context, tasks.Batch) (tasks.Batch, bool, error) {
	return tasks.Batch{}, false, errAway
}

func (readOnlyLedger) Retry(context.Context, uuid.UUID, bool) error { return errAway }

// What the ledger did not take costs nothing: the last upload of the day's budget is still there.
func TestBudgetIsGivenBackForWhatWasNotTaken(t *testing.T) {
	t.Parallel()
	for name, try := range map[string]func(context.Context, *Producer) error{
		"batch": func(ctx context.Context, p *Producer) error {
			_, err := p.SubmitBatch(ctx, tasks.Batch{}, pictures(1))
			return err
		},
		"retry": func(ctx context.Context, p *Producer) error { return p.RetryAny(ctx, uuid.New(), false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := openLedger(t)
			p := &Producer{Ledger: readOnlyLedger{l}, Name: "shop", Rights: tasks.Rights{DailyBudget: 1}}
			if err := try(t.Context(), p); tasks.CodeOf(err) != tasks.Unavailable {
				t.Fatalf("got %v, want unavailable", err)
			}
			p.Ledger = l
			if _, err := p.Submit(t.Context(), tasks.Upload{Type: tasks.Image, Source: "a.jpg"}); err != nil {
				t.Errorf("the budget is gone: %v", err)
			}
		})
	}
}
