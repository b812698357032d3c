package ledger

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

// On SQLite writers wait for each other, so that there is no meanwhile.
func TestTheLastCallOfADayGoesToOneOfTwoProcesses(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	h.limit(func(a *tasks.Account) { a.DailyLimit = 1 })
	other := h.another()
	tries, granted := 0, false
	must(t, h.do(t.Context(), "test", func(tx *tx) error {
		tries++
		c, err := tx.countOf(account.Realm, account.AppID)
		if err != nil {
			return err
		}
		if granted = !c.spent(tasks.Bulk, false); granted {
			c.calls++
			c.taken++
		}
		if tries == 1 {
			err = other.Spend(t.Context(), account)
		}
		return err
	}))
	if granted || tries != 2 || h.calls() != 1 {
		t.Errorf("granted %v at try %d, %d calls are counted; want the second try refused and one call", granted, tries, h.calls())
	}
	if code := tasks.CodeOf(h.Spend(t.Context(), account)); code != tasks.DailyLimit {
		t.Errorf("one more: %q", code)
	}
}
