package view

import (
	"context"
	"database/sql"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Figures reads what monitoring watches, in one snapshot.
func (v *View) Figures(ctx context.Context) (tasks.Figures, error) {
	var f tasks.Figures
	err := v.lists.Snapshot(ctx, "read figures", func(t *db.Tx) error {
		f = tasks.Figures{At: db.Time(t.Now)}
		parts, err := readStatus(t, &f.Status)
		if err != nil {
			return err
		}
		f.Groups = openGroups(parts, t.Now)
		if f.Processes, err = schema.Processes(t); err != nil {
			return err
		}
		f.OldestDelivery, err = oldestDelivery(t)
		return err
	})
	return f, err
}

func openGroups(p statusParts, now int64) []tasks.OpenGroup {
	var groups []tasks.OpenGroup
	for k, n := range p.open {
		if n == 0 {
			continue
		}
		g := tasks.OpenGroup{Account: k.account, State: k.phase.State(), Uploads: n}
		hold := p.held[k.account]
		switch {
		case g.State == tasks.Queued && hold.InForce(now):
			g.State, g.Reason = tasks.Waiting, tasks.OpenHeld
			if hold.Code == tasks.DailyLimit || hold.Code == tasks.MinuteLimit {
				g.Reason = tasks.OpenQuota
			}
		default:
			g.Reason = reasons[k.phase]
		}
		groups = append(groups, g)
	}
	return groups
}

var reasons = map[schema.Phase]tasks.OpenReason{
	schema.Ready: tasks.OpenReady, schema.Dispatched: tasks.OpenDispatched, schema.Running: tasks.OpenRunning, schema.Waiting: tasks.OpenBackoff,
}

// oldestDelivery returns the zero time where no delivery is pending.
func oldestDelivery(t *db.Tx) (at time.Time, err error) {
	var happened sql.NullInt64
	_, err = t.Row("SELECT e.at FROM events e WHERE e.seq = (SELECT min(event + 0) FROM deliveries WHERE due_at IS NOT NULL)", nil, &happened)
	return db.TimeOrZero(happened), err
}
