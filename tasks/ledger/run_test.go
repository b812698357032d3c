package ledger

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// A claim and a renewal change no indexed column, and the pages of runs have room: PostgreSQL then writes no index entry.
func TestRenewalsTouchNoIndexOnPostgres(t *testing.T) {
	t.Parallel()
	h := openUnusedHarness(t)
	const n, times = 40, 5
	var tokens []tasks.Token
	for _, c := range h.runningN(n) {
		tokens = append(tokens, c.Token)
	}
	for range times {
		if got, err := h.Renew(t.Context(), tokens, lease); err != nil || len(got.Lost) > 0 {
			t.Fatal(got, err)
		}
	}
	count := func(column string) int {
		return h.number("SELECT COALESCE(sum(" + column + "), 0) FROM pg_stat_user_tables WHERE relname = 'runs' AND schemaname = current_schema()")
	}
	taskstest.Until(t, "the server has counted", func() bool {
		must(t, h.do(t.Context(), "test", func(t *tx) error {
			_, err := t.Row("SELECT pg_stat_force_next_flush()", nil, new(any))
			return err
		}))
		return count("n_tup_upd") == n*(times+1)
	})
	// An update of an indexed column is never heap-only. How many of the others are depends on the room in their page.
	if hot := count("n_tup_hot_upd"); hot == 0 {
		t.Errorf("none of %d updates was heap-only: they change an index", n*(times+1))
	}
}
