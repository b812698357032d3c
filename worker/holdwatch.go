package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// HoldList tells which accounts are held.
type HoldList interface {
	Holds(ctx context.Context) ([]tasks.Hold, error)
}

// HoldWatch says in the log and in the metrics when an account is held and when it goes on: one line for each change,
// however many uploads wait for it.
type HoldWatch struct {
	Ledger   HoldList
	Accounts []tasks.Account // those of this process; of others it says nothing
	Log      *slog.Logger
	Metrics  *Metrics

	held map[string]tasks.Hold // by account
}

// watchEvery is how late a change may be told. The table of holds has a row for each held account, and mostly none.
const watchEvery = 2 * time.Second

// Run watches until ctx ends.
func (w *HoldWatch) Run(ctx context.Context) {
	w.held = map[string]tasks.Hold{}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if holds, err := w.Ledger.Holds(ctx); err == nil { // while the ledger is away, others say so
			w.compare(ctx, holds)
		}
	}
}

func (w *HoldWatch) compare(ctx context.Context, holds []tasks.Hold) {
	for _, a := range w.Accounts {
		before, was := w.held[a.Name]
		now, is := find(holds, a)
		switch {
		case is && (!was || before.Code != now.Code):
			w.Log.WarnContext(ctx, "account held: its uploads wait", keyAccount, a.Name, "code", now.Code, keyErrcode, now.Errcode,
				keyRID, now.RID, "until", now.Until, "reason", now.Reason, "hint", now.Code.Hint())
		case was && !is:
			w.Log.InfoContext(ctx, "account goes on", keyAccount, a.Name, "code", before.Code, "after", time.Since(before.Since).Round(time.Second))
		}
		w.note(a.Name, before, was, now, is)
	}
}

func (w *HoldWatch) note(account string, before tasks.Hold, was bool, now tasks.Hold, is bool) {
	if was {
		w.Metrics.held.DeleteLabelValues(account, string(before.Code))
		delete(w.held, account)
	}
	if is {
		w.Metrics.held.WithLabelValues(account, string(now.Code)).Set(1)
		w.held[account] = now
	}
}

// find returns the hold that is in force for an account.
func find(holds []tasks.Hold, a tasks.Account) (tasks.Hold, bool) {
	for _, h := range holds {
		if h.Realm == a.Realm && h.AppID == a.AppID && h.Ramp == 0 {
			return h, true
		}
	}
	return tasks.Hold{}, false
}
