package ledger

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/check"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// recount counts a batch again under its lock, and completes or reopens it as the counts say. A reopened batch goes on in
// its next round, so that no event batch.completed is repeated.
func (t *tx) recount(seq int64) error {
	b, err := t.lockBatch(seq)
	if err != nil {
		return err
	}
	b.Counts = tasks.BatchCounts{Pruned: b.Counts.Pruned} // what is gone can't be counted
	c := &b.Counts
	err = t.Each("SELECT phase, count(*) FROM uploads WHERE batch = ? AND batch > 0 GROUP BY phase", db.Args{seq}, func(s db.Scanner) error {
		var p schema.Phase
		var n int
		err := s.Scan(&p, &n)
		c.Total += n
		switch p {
		case schema.Succeeded:
			c.Succeeded = n
		case schema.Failed:
			c.Failed = n
		case schema.Canceled:
			c.Canceled = n
		default:
			c.Open += n
		}
		return err
	})
	if err != nil {
		return err
	}
	var sealed, told bool
	_, err = t.Row("SELECT (SELECT count(*) FROM refusals r WHERE r.batch = b.seq), b.sealed, CASE WHEN "+check.IsTold+" THEN 1 ELSE 0 END FROM batches b WHERE b.seq = ?",
		db.Args{seq}, &c.Refused, &sealed, &told)
	if err != nil {
		return err
	}
	if err := t.complete(seq, b, sealed && c.Open == 0, told); err != nil {
		return err
	}
	_, err = t.Exec(`UPDATE batches SET total = ?, open = ?, succeeded = ?, failed = ?, canceled = ?, refused = ?, round = ?, completed_at = ? WHERE seq = ?`,
		c.Total, c.Open, c.Succeeded, c.Failed, c.Canceled, c.Refused, b.Round, db.TimeOrNull(b.Completed), seq)
	return err
}

func (t *tx) complete(seq int64, b *tasks.Batch, done, told bool) error {
	switch {
	case !done && b.State == tasks.BatchComplete:
		b.State, b.Completed = tasks.BatchSealed, time.Time{}
		if told {
			b.Round++
		}
	case done:
		if b.State = tasks.BatchComplete; b.Completed.IsZero() {
			b.Completed = db.Time(t.Now)
		}
		if !told {
			return t.completed(seq, b)
		}
	}
	return nil
}
