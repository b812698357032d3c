package view

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Leaders lists the processes that lead now, by their role.
func (v *View) Leaders(ctx context.Context) ([]tasks.Leader, error) {
	var ls []tasks.Leader
	err := v.lists.Snapshot(ctx, "list leaders", func(t *db.Tx) error {
		ls = nil
		return t.Each("SELECT role, holder FROM leads WHERE until_at > ? AND holder <> '' ORDER BY role", db.Args{t.Now}, func(s db.Scanner) error {
			var l tasks.Leader
			err := s.Scan(&l.Role, &l.Holder)
			ls = append(ls, l)
			return err
		})
	})
	return ls, err
}

// Size returns how much room the ledger takes. Its growth is that of a day in which as many uploads are accepted as in the
// last one, each as large as those that are kept.
func (v *View) Size(ctx context.Context) (tasks.LedgerSize, error) {
	var out tasks.LedgerSize
	err := v.lists.Snapshot(ctx, "read size", func(t *db.Tx) error {
		query := "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
		if t.Dialect.Concurrent {
			query = `SELECT COALESCE(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
				WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'`
		}
		if _, err := t.Row(query, nil, &out.Bytes); err != nil {
			return err
		}
		balances, err := schema.Balances(t)
		if err != nil {
			return err
		}
		c := total(balances)
		out.Uploads = c.Accepted - c.Pruned
		return nil
	})
	if err != nil || out.Uploads == 0 {
		return out, err
	}
	day, err := v.Series(ctx, tasks.CountFilter{Since: time.Now().Add(-24 * time.Hour)}, time.Hour)
	if err != nil {
		return out, err
	}
	accepted := 0
	for _, p := range day.Points {
		accepted += p.Accepted
	}
	out.PerDay = int64(float64(out.Bytes) / float64(out.Uploads) * float64(accepted))
	return out, nil
}
