package ledger

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

func (l *Ledger) pruneBatches(ctx context.Context, older time.Duration, limit int) (int, bool, error) {
	return l.prune(ctx, prunable{table: "batches", began: "submitted_at", mayGo: batchMayGo, remove: (*tx).removeBatch}, older, limit)
}

func batchMayGo(_, cutoff int64) *db.Conditions {
	c := new(db.Conditions)
	c.Add("x.completed_at <= ?", cutoff)
	c.Add("NOT EXISTS (SELECT 1 FROM uploads u WHERE u.batch = x.seq AND u.batch > 0)")
	c.Add("NOT EXISTS (SELECT 1 FROM events e JOIN deliveries d ON d.event = e.seq WHERE e.batch = x.seq AND d.due_at IS NOT NULL)")
	return c
}

// removeBatch deletes a batch whose uploads are deleted. Its refusals go first, in steps, since there may be many.
func (t *tx) removeBatch(seq int64, c *db.Conditions, limit int) (int, bool, error) {
	found, err := t.Row("SELECT x.seq FROM batches x WHERE x.seq = ? AND "+c.Where()+t.Dialect.SkipLocked, append(db.Args{seq}, c.Args...), new(int64))
	if err != nil || !found {
		return 0, true, err
	}
	refusals, err := t.Exec("DELETE FROM refusals WHERE batch = ? AND line IN (SELECT line FROM refusals WHERE batch = ? ORDER BY line LIMIT ?)",
		seq, seq, max(limit, 1))
	if err != nil {
		return 0, true, err
	}
	if refusals > 0 {
		t.tally(seq).refused -= int(refusals)
		return int(refusals), false, nil
	}
	if gone, err := t.removeEvents("batch = ?", seq); err != nil || !gone {
		return 0, true, err
	}
	_, err = t.Exec("DELETE FROM batches WHERE seq = ?", seq)
	return 1, true, err
}
