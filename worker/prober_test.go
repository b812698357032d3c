package worker

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

// heldAccounts is a ledger's holds; the prober runs in a bubble, alone.
type heldAccounts struct {
	leads   bool
	holds   []tasks.Hold
	resumed []string
	// resigned counts how often it let another process lead.
	resigned int
}

func (h *heldAccounts) Lead(context.Context, string, string, time.Duration) (bool, error) {
	return h.leads, nil
}
func (h *heldAccounts) Resign(context.Context, string, string) error { h.resigned++; return nil }
func (h *heldAccounts) Holds(context.Context) ([]tasks.Hold, error)  { return h.holds, nil }
func (h *heldAccounts) Resume(_ context.Context, _, appid string) (bool, error) {
	h.resumed = append(h.resumed, appid)
	return true, nil
}

func TestProberResumesWhatWeChatGrantsAgain(t *testing.T) {
	t.Parallel()
	left := map[string]int{"cleared": 100, "spent": 0, "account": 100, "own limit": 100, "ramping": 100}
	accounts := []tasks.Account{{Name: "unreachable", AppID: "unreachable"}}
	for name := range left {
		accounts = append(accounts, tasks.Account{Name: name, AppID: name})
	}
	hold := func(appid string, code tasks.Code, errcode, ramp int) tasks.Hold {
		return tasks.Hold{AppID: appid, Code: code, Errcode: errcode, Ramp: ramp}
	}
	holds := []tasks.Hold{
		hold("cleared", tasks.DailyLimit, 45009, 0),
		hold("spent", tasks.DailyLimit, 45009, 0),
		hold("account", tasks.AccountHeld, 40164, 0),
		hold("own limit", tasks.DailyLimit, 0, 0),
		hold("ramping", tasks.DailyLimit, 45009, 2),
		hold("unreachable", tasks.DailyLimit, 45009, 0),
		hold("of another process", tasks.DailyLimit, 45009, 0),
	}
	for _, leads := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			h := &heldAccounts{leads: leads, holds: holds}
			p := &Prober{Ledger: h, Accounts: accounts, Every: time.Minute, Log: slog.New(slog.DiscardHandler),
				Resync: func(_ context.Context, account tasks.Account) (int, error) {
					if account.Name == "unreachable" {
						return 0, errors.New("no route")
					}
					return left[account.Name], nil
				}}
			ctx, stop := context.WithTimeout(t.Context(), 90*time.Second)
			defer stop()
			p.Run(ctx)
			var want []string
			if leads {
				want = []string{"cleared"}
			}
			if diff := cmp.Diff(want, h.resumed); diff != "" {
				t.Errorf("leads %v: %s", leads, diff)
			}
			if h.resigned != 1 {
				t.Errorf("it let another process lead %d times when it ended, want once", h.resigned)
			}
		})
	}
}
