package ledger

import "github.com/mediaferry/mediaferry/tasks"

const (
	theUpload = "SELECT u.seq, u.id, (SELECT b.id FROM batches b WHERE b.seq = u.batch), "
	itsEvents = "SELECT %s FROM events e WHERE e.upload = u.seq AND e.round = u.round AND e.type <> 'media.renewed'"
	lastTry   = "(SELECT COALESCE(max(a.number), 0) FROM attempts a WHERE a.upload = u.seq AND a.round = u.round)"
)

func uploadChecks() []check {
	return []check{
		{
			name: "running-without-owner", what: "it runs, but no worker has a claim on it", key: "u.seq", mend: (*tx).putBack,
			query: theUpload + "'' FROM uploads u WHERE u.phase = 2 AND (u.claim_token IS NULL OR u.worker IS NULL OR u.due_at IS NULL)",
		},
		{
			name: "dispatched-unseen", what: "it is dispatched, but nobody would notice its loss", key: "u.seq", mend: (*tx).putBack,
			query: theUpload + "'' FROM uploads u WHERE u.phase = 1 AND (u.due_at IS NULL OR u.generation < 1)",
		},
		{
			name: "waiting-for-ever", what: "it waits, but for no time", key: "u.seq", mend: (*tx).putBack,
			query: theUpload + "'' FROM uploads u WHERE u.phase = 3 AND u.due_at IS NULL",
		},
		{
			name: "outcome-incomplete", what: "its outcome lacks the time, the media_id or the code", key: "u.seq",
			query: theUpload + `COALESCE(u.code, '') FROM uploads u WHERE u.phase >= 4
				AND (u.finished_at IS NULL OR (u.phase = 4 AND u.media_id IS NULL) OR (u.phase > 4 AND u.code IS NULL))`,
		},
		{
			name: "reused-too-late", what: "it was answered with a media that had expired", key: "u.seq",
			query: theUpload + "COALESCE(u.media_id, '') FROM uploads u WHERE u.phase = 4 AND u.reused = 1 AND u.expires_at <= u.finished_at",
		},
		{
			name: "attempts-beyond-count", what: "more attempts are recorded than counted", key: "u.seq", mend: (*tx).countAttempts,
			query: theUpload + "CAST(" + lastTry + " AS TEXT) || ' and ' || CAST(u.attempts AS TEXT) FROM uploads u WHERE " + lastTry + " > u.attempts",
		},
		{
			name: "batch-unknown", what: "its batch is not there, so that it can't end", key: "u.seq",
			query: "SELECT u.seq, u.id, NULL, '' FROM uploads u WHERE u.batch > 0 AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.seq = u.batch)",
		},
	}
}

// putBack makes an upload ready again, or canceled where somebody asked for that.
func (t *tx) putBack(seq int64) error {
	rs, err := t.findAll("seq = ?", seq)
	if err != nil || len(rs) == 0 {
		return err
	}
	return t.yield(rs[0])
}

func (t *tx) countAttempts(seq int64) error {
	_, err := t.exec(`UPDATE uploads SET attempts = (SELECT max(a.number) FROM attempts a WHERE a.upload = uploads.seq AND a.round = uploads.round)
		WHERE seq = ?`, seq)
	return err
}

// tellAgain writes the event of an outcome that lacks it.
func (t *tx) tellAgain(seq int64) error {
	rs, err := t.findAll("seq = ?", seq)
	if err != nil || len(rs) == 0 {
		return err
	}
	r := rs[0]
	if r.batch != 0 {
		t.tally(r.batch) // for the batch's callback
	}
	t.events = append(t.events, event{kind: tasks.OutcomeEvent(r.phase.state()), upload: r.seq, round: r.round, url: r.callback, ofBatch: r.batch})
	return nil
}
