package check

const (
	theUpload = "SELECT u.seq, u.id, (SELECT b.id FROM batches b WHERE b.seq = u.batch), "
	itsEvents = "SELECT %s FROM events e WHERE e.upload = u.seq AND e.round = u.round AND e.type <> 'media.renewed'"
	lastTry   = "(SELECT COALESCE(max(a.number), 0) FROM attempts a WHERE a.upload = u.seq AND a.round = u.round)"
)

func uploadChecks() []Rule {
	return []Rule{
		{
			Name: "under-way-without-run", what: "it is under way, but nobody would notice its loss", Key: "u.seq", Repairable: true,
			query: theUpload + "'' FROM uploads u WHERE u.phase = 1 AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.upload = u.seq AND r.generation = u.generation)",
		},
		{
			Name: "run-without-upload", what: "it has a run, though it is not under way", Key: "r.upload", Repairable: true,
			query: `SELECT r.upload, u.id, NULL, r.account FROM runs r LEFT JOIN uploads u ON u.seq = r.upload
				WHERE (u.seq IS NULL OR u.phase <> 1 OR u.generation <> r.generation)`,
		},
		{
			Name: "waiting-for-ever", what: "it waits, but for no time", Key: "u.seq", Repairable: true,
			query: theUpload + "'' FROM uploads u WHERE u.phase = 3 AND u.due_at IS NULL",
		},
		{
			Name: "outcome-incomplete", what: "its outcome lacks the time, the media_id or the code", Key: "u.seq",
			query: theUpload + `COALESCE(u.code, '') FROM uploads u WHERE u.phase >= 4
				AND (u.finished_at IS NULL OR (u.phase = 4 AND u.media_id IS NULL) OR (u.phase > 4 AND u.code IS NULL))`,
		},
		{
			Name: "reused-too-late", what: "it was answered with a media that had expired", Key: "u.seq",
			query: theUpload + "COALESCE(u.media_id, '') FROM uploads u WHERE u.phase = 4 AND u.reused = 1 AND u.expires_at <= u.finished_at",
		},
		{
			Name: "attempts-beyond-count", what: "more attempts are recorded than counted", Key: "u.seq", Repairable: true,
			query: theUpload + "CAST(" + lastTry + " AS TEXT) || ' and ' || CAST(u.attempts AS TEXT) FROM uploads u WHERE " + lastTry + " > u.attempts",
		},
		{
			Name: "batch-unknown", what: "its batch is not there, so that it can't end", Key: "u.seq",
			query: "SELECT u.seq, u.id, NULL, '' FROM uploads u WHERE u.batch > 0 AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.seq = u.batch)",
		},
	}
}
