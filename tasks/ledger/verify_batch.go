package ledger

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

const (
	theBatch = "SELECT b.seq, NULL, b.id, "
	anyOpen  = "EXISTS (SELECT 1 FROM uploads u WHERE u.batch = b.seq AND u.batch > 0 AND u.phase < 4)"
	isTold   = "EXISTS (SELECT 1 FROM events e WHERE e.batch = b.seq AND e.round = b.round)"
)

func batchChecks() []check {
	return []check{
		{
			name: "batch-counts", what: "its counts disagree with its uploads", key: "b.seq", mend: (*tx).recount,
			query: theBatch + `CAST(b.total AS TEXT) || ' counted, ' || CAST(COALESCE(c.total, 0) AS TEXT) || ' there' FROM batches b LEFT JOIN (
					SELECT batch, count(*) AS total, count(CASE WHEN phase < 4 THEN 1 END) AS open, count(CASE WHEN phase = 4 THEN 1 END) AS succeeded,
					count(CASE WHEN phase = 5 THEN 1 END) AS failed, count(CASE WHEN phase = 6 THEN 1 END) AS canceled
					FROM uploads WHERE batch > 0 GROUP BY batch) c ON c.batch = b.seq
				WHERE (b.total <> COALESCE(c.total, 0) OR b.open <> COALESCE(c.open, 0) OR b.succeeded <> COALESCE(c.succeeded, 0)
				OR b.failed <> COALESCE(c.failed, 0) OR b.canceled <> COALESCE(c.canceled, 0)
				OR b.refused <> (SELECT count(*) FROM refusals r WHERE r.batch = b.seq))`,
		},
		{
			name: "batch-complete-too-early", what: "it is complete, but uploads are open", key: "b.seq", mend: (*tx).recount,
			query: theBatch + "'' FROM batches b WHERE b.completed_at IS NOT NULL AND (b.sealed = 0 OR " + anyOpen + ")",
		},
		{
			name: "batch-never-complete", what: "it is sealed and all uploads have their outcome, but it is not complete", key: "b.seq", mend: (*tx).recount,
			query: theBatch + "'' FROM batches b WHERE b.sealed = 1 AND b.completed_at IS NULL AND NOT " + anyOpen,
		},
		{
			name: "batch-without-event", what: "nobody was told that it is complete", key: "b.seq", mend: (*tx).recount,
			query: theBatch + "'' FROM batches b WHERE b.completed_at IS NOT NULL AND NOT " + isTold,
		},
		{
			name: "batch-told-too-early", what: "it was told to be complete, but it is not", key: "e.seq",
			query: `SELECT e.seq, NULL, b.id, '' FROM events e LEFT JOIN batches b ON b.seq = e.batch
				WHERE e.batch IS NOT NULL AND (b.seq IS NULL OR e.round > b.round OR (e.round = b.round AND b.completed_at IS NULL))`,
		},
	}
}

// recount counts a batch anew under its lock, and completes or reopens it as the counts say. A completion that was
// told is not told again: the batch goes on in its next round.
func (t *tx) recount(seq int64) error {
	b, err := t.lockBatch(seq)
	if err != nil {
		return err
	}
	b.Counts = tasks.BatchCounts{}
	c := &b.Counts
	err = t.each("SELECT phase, count(*) FROM uploads WHERE batch = ? AND batch > 0 GROUP BY phase", args{seq}, func(s scanner) error {
		var p phase
		var n int
		err := s.Scan(&p, &n)
		c.Total += n
		switch p {
		case succeeded:
			c.Succeeded = n
		case failed:
			c.Failed = n
		case canceled:
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
	_, err = t.row("SELECT (SELECT count(*) FROM refusals r WHERE r.batch = b.seq), b.sealed, CASE WHEN "+isTold+" THEN 1 ELSE 0 END FROM batches b WHERE b.seq = ?",
		args{seq}, &c.Refused, &sealed, &told)
	if err != nil {
		return err
	}
	if err := t.complete(seq, b, sealed && c.Open == 0, told); err != nil {
		return err
	}
	_, err = t.exec(`UPDATE batches SET total = ?, open = ?, succeeded = ?, failed = ?, canceled = ?, refused = ?, round = ?, completed_at = ? WHERE seq = ?`,
		c.Total, c.Open, c.Succeeded, c.Failed, c.Canceled, c.Refused, b.Round, optional(b.Completed), seq)
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
			b.Completed = timeOf(t.now)
		}
		if !told {
			return t.completed(seq, b)
		}
	}
	return nil
}
