package worker

import (
	"context"
	"log/slog"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// HoldList lists the holds.
type HoldList interface {
	Holds(ctx context.Context) ([]tasks.Hold, error)
}

// HoldWatch logs when an account is held and when it goes on. It logs one line for each change, for any number of waiting
// uploads.
type HoldWatch struct {
	Ledger   HoldList
	Accounts []tasks.Account // those of this process; it ignores others
	Log      *slog.Logger

	held map[string]tasks.Hold // by account
}

// watchEvery is the time between two reads. The table of holds is small, and mostly empty.
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
		if holds, err := w.Ledger.Holds(ctx); err == nil { // others log that the ledger is away
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
		delete(w.held, a.Name)
		if is {
			w.held[a.Name] = now
		}
	}
}

// find returns the hold of an account that is in force.
func find(holds []tasks.Hold, a tasks.Account) (tasks.Hold, bool) {
	for _, h := range holds {
		if h.Realm == a.Realm && h.AppID == a.AppID && h.Ramp == 0 {
			return h, true
		}
	}
	return tasks.Hold{}, false
}
