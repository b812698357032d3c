package check

const (
	theBatch = "SELECT b.seq, NULL, b.id, "
	anyOpen  = "EXISTS (SELECT 1 FROM uploads u WHERE u.batch = b.seq AND u.batch > 0 AND u.phase < 4)"
	IsTold   = "EXISTS (SELECT 1 FROM events e WHERE e.batch = b.seq AND e.round = b.round)"
)

func batchChecks() []Rule {
	return []Rule{
		{
			Name: "batch-counts", what: "its counts disagree with its uploads", Key: "b.seq", Repairable: true,
			query: theBatch + `CAST(b.total AS TEXT) || ' counted, ' || CAST(COALESCE(c.total, 0) AS TEXT) || ' there' FROM batches b LEFT JOIN (
					SELECT batch, count(*) AS total, count(CASE WHEN phase < 4 THEN 1 END) AS open, count(CASE WHEN phase = 4 THEN 1 END) AS succeeded,
					count(CASE WHEN phase = 5 THEN 1 END) AS failed, count(CASE WHEN phase = 6 THEN 1 END) AS canceled
					FROM uploads WHERE batch > 0 GROUP BY batch) c ON c.batch = b.seq
				WHERE (b.total <> COALESCE(c.total, 0) OR b.open <> COALESCE(c.open, 0) OR b.succeeded <> COALESCE(c.succeeded, 0)
				OR b.failed <> COALESCE(c.failed, 0) OR b.canceled <> COALESCE(c.canceled, 0)
				OR b.refused <> (SELECT count(*) FROM refusals r WHERE r.batch = b.seq))`,
		},
		{
			Name: "batch-complete-too-early", what: "it is complete, but uploads are open", Key: "b.seq", Repairable: true,
			query: theBatch + "'' FROM batches b WHERE b.completed_at IS NOT NULL AND (b.sealed = 0 OR " + anyOpen + ")",
		},
		{
			Name: "batch-never-complete", what: "it is sealed and all uploads have their outcome, but it is not complete", Key: "b.seq", Repairable: true,
			query: theBatch + "'' FROM batches b WHERE b.sealed = 1 AND b.completed_at IS NULL AND NOT " + anyOpen,
		},
		{
			Name: "batch-without-event", what: "nobody was told that it is complete", Key: "b.seq", Repairable: true,
			query: theBatch + "'' FROM batches b WHERE b.completed_at IS NOT NULL AND NOT " + IsTold,
		},
		{
			Name: "batch-told-too-early", what: "it was told to be complete, but it is not", Key: "e.seq",
			query: `SELECT e.seq, NULL, b.id, '' FROM events e LEFT JOIN batches b ON b.seq = e.batch
				WHERE e.batch IS NOT NULL AND (b.seq IS NULL OR e.round > b.round OR (e.round = b.round AND b.completed_at IS NULL))`,
		},
	}
}
