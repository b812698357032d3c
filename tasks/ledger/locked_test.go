package ledger

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

func TestDispatchPassesByWhatOthersHaveLocked(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	b := h.batch(tasks.Batch{})
	locked := h.submit(3)
	h.submit(2, in(b.ID))
	conn := dial(t, h.url)
	other, err := conn.Begin(t.Context())
	must(t, err)
	for _, id := range locked {
		_, err := other.Exec(t.Context(), "SELECT 1 FROM uploads WHERE id = $1 FOR UPDATE", id[:])
		must(t, err)
	}
	ds, err := h.Dispatch(taskstest.Context(t), wide)
	if err != nil || len(ds) != 2 {
		t.Errorf("%d uploads were dispatched beside those that are locked, want 2 (%v)", len(ds), err)
	}
	must(t, other.Rollback(t.Context()))
	if ds := h.dispatch(); len(ds) != 3 {
		t.Errorf("then %d were dispatched, want 3", len(ds))
	}
}
