package worker

import (
	"log/slog"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestHoldIsToldOnceEachWay(t *testing.T) {
	t.Parallel()
	var lines countingHandler
	w := &HoldWatch{
		Accounts: []tasks.Account{{Name: "shop", Realm: "r", AppID: "wx1"}},
		Log:      slog.New(&lines), held: map[string]tasks.Hold{},
	}
	daily := tasks.Hold{Realm: "r", AppID: "wx1", Code: tasks.DailyLimit, Errcode: 45009}
	account := tasks.Hold{Realm: "r", AppID: "wx1", Code: tasks.AccountHeld, Errcode: 40164}
	foreign := tasks.Hold{Realm: "other", AppID: "wx1", Code: tasks.AccountHeld}
	ramping := daily
	ramping.Ramp = 1
	for i, step := range []struct {
		holds []tasks.Hold
		lines int64
		held  string
	}{
		{nil, 0, ""},
		{[]tasks.Hold{daily, foreign}, 1, "daily_limit"},
		{[]tasks.Hold{daily}, 1, "daily_limit"},
		{[]tasks.Hold{account}, 2, "account"},
		{[]tasks.Hold{ramping}, 3, ""},
		{nil, 3, ""},
	} {
		w.compare(t.Context(), step.holds)
		if n := lines.n.Load(); n != step.lines {
			t.Errorf("step %d: %d lines in all, want %d", i, n, step.lines)
		}
		if got := string(w.held["shop"].Code); got != step.held {
			t.Errorf("step %d: it is held for %q, want %q", i, got, step.held)
		}
	}
}
