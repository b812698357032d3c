package schema

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Deaths is how many workers died with an upload in this round.
const Deaths = "lost_leases + crashes"

// OnBelt lists dispatched uploads that nobody has claimed for longer than olderThan, the oldest first.
func OnBelt(t *db.Tx, olderThan time.Duration, limit int) ([]tasks.Dispatch, error) {
	var ds []tasks.Dispatch
	err := t.Each("SELECT id, generation, priority, due_at, "+Deaths+" FROM uploads WHERE phase = 1 AND due_at < ? ORDER BY due_at LIMIT ?",
		db.Args{t.Now - olderThan.Microseconds(), limit}, func(s db.Scanner) error {
			var d tasks.Dispatch
			var at int64
			err := s.Scan(&d.ID, &d.Generation, &d.Priority, &at, &d.Deaths)
			d.At = db.Time(at)
			ds = append(ds, d)
			return err
		})
	return ds, err
}
