package fleet

import (
	"context"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
)

// holdLog records from when to when accounts are held.
type holdLog struct {
	since map[string]time.Time // of accounts that are held now
	ended []history.Hold
}

// note records which accounts are held at one time.
func (l *holdLog) note(at time.Time, held []string) {
	for _, name := range held {
		if _, known := l.since[name]; !known {
			l.since[name] = at
		}
	}
	for name, since := range l.since {
		if !slices.Contains(held, name) {
			l.ended = append(l.ended, history.Hold{Account: name, From: since, To: at})
			delete(l.since, name)
		}
	}
}

// heldAccounts lists the accounts that are held. A hold that has run out and lets some uploads through does not count.
func (f *Fleet) heldAccounts(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, observeTime)
	defer cancel()
	holds, err := f.ledger.Holds(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for name, id := range scenario.AppIDs {
		if slices.ContainsFunc(holds, func(h tasks.Hold) bool { return h.Ramp == 0 && (h.AppID == id || h.AppID == "") }) {
			names = append(names, name)
		}
	}
	return names, nil
}
