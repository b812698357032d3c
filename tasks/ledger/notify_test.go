package ledger_test

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

func TestEventsOfAccountsAreDelivered(t *testing.T) {
	t.Parallel()
	const url = "https://ops.example/hook"
	l, err := ledger.Open(t.Context(), ledgertest.SQLite(t), ledger.Options{Notify: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	hold := tasks.Hold{Realm: "r", AppID: "wx1", Code: tasks.AccountHeld, Reason: "no", Until: time.Now().Add(time.Hour)}
	for range 3 { // told once, however often it is held
		if err := l.Hold(t.Context(), hold); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Resume(t.Context(), "r", "wx1"); err != nil {
		t.Fatal(err)
	}
	ds, err := l.DispatchDeliveries(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var told []tasks.EventType
	for _, d := range ds {
		got, _, err := l.ClaimDelivery(t.Context(), d.ID, d.Generation, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if got.URL != url || got.Event.Producer != "" {
			t.Errorf("delivered to %q for producer %q", got.URL, got.Event.Producer)
		}
		told = append(told, got.Event.Type)
	}
	if len(told) != 2 || told[0] != tasks.HoldBegan || told[1] != tasks.HoldEnded {
		t.Errorf("told %v, want held, then resumed", told)
	}
}
