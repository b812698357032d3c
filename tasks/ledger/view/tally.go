package view

import (
	"context"
	"database/sql"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Tally counts what happened from since, until before until. An upload that is retried counts again in each of its rounds.
// Give whole hours, or minutes of the last two weeks: what is older is counted by the hour.
func (v *View) Tally(ctx context.Context, since, until time.Time) ([]tasks.Tally, error) {
	var all []tasks.Tally
	err := v.lists.Snapshot(ctx, "count what happened", func(t *db.Tx) error {
		all = nil
		return t.Each("SELECT account, type, what, code, sum(n) FROM counts WHERE at >= ? AND at < ? GROUP BY account, type, what, code",
			db.Args{db.Micros(since), db.Micros(until)}, func(s db.Scanner) error {
				var y tasks.Tally
				var what schema.Happening
				err := s.Scan(&y.Account, &y.Type, &what, &y.Code, &y.Count)
				y.State, y.Reused = what.State(), what == schema.HappenedReuse
				all = append(all, y)
				return err
			})
	})
	return all, err
}

// TalliesBegin returns when the oldest hour began in which something was counted, and the ledger's time. It returns the
// zero time where nothing was.
func (v *View) TalliesBegin(ctx context.Context) (oldest, now time.Time, err error) {
	err = v.lists.Snapshot(ctx, "look for counts", func(t *db.Tx) error {
		var at sql.NullInt64
		now = db.Time(t.Now)
		_, err := t.Row("SELECT min(at) FROM counts", nil, &at)
		oldest = db.TimeOrZero(at).Truncate(time.Hour)
		return err
	})
	return oldest, now, err
}
