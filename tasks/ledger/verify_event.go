package ledger

import (
	"fmt"

	"github.com/google/uuid"
)

func eventChecks() []check {
	count := fmt.Sprintf(itsEvents, "count(*)")
	return []check{
		{
			name: "outcome-without-event", what: "nobody was told of its outcome", key: "u.seq", mend: (*tx).tellAgain,
			query: theUpload + "'' FROM uploads u WHERE u.phase >= 4 AND (" + count + ") = 0",
		},
		{
			name: "outcome-with-many-events", what: "its outcome was told more than once", key: "u.seq",
			query: theUpload + "'' FROM uploads u WHERE u.phase >= 4 AND (" + count + ") > 1",
		},
		{
			name: "round-without-event", what: "nobody was told of the outcome of an earlier round", key: "r.upload",
			query: `SELECT r.upload, u.id, NULL, CAST(r.round AS TEXT) FROM rounds r LEFT JOIN uploads u ON u.seq = r.upload
				WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.upload = r.upload AND e.round = r.round AND e.type <> 'media.renewed')`,
		},
		{
			name: "event-of-another-outcome", what: "an event tells of an outcome that it did not have", key: "e.seq",
			query: `SELECT e.seq, u.id, NULL, e.type FROM events e JOIN uploads u ON u.seq = e.upload AND u.round = e.round
				WHERE e.type <> 'media.renewed' AND u.phase >= 4
				AND e.type <> CASE u.phase WHEN 4 THEN 'upload.succeeded' WHEN 5 THEN 'upload.failed' ELSE 'upload.canceled' END`,
		},
		{
			name: "event-without-outcome", what: "an event tells of an outcome that is not there", key: "e.seq",
			query: `SELECT e.seq, u.id, NULL, e.type FROM events e LEFT JOIN uploads u ON u.seq = e.upload
				WHERE e.upload IS NOT NULL AND e.type <> 'media.renewed' AND (u.seq IS NULL OR u.round <> e.round OR u.phase < 4)
				AND NOT EXISTS (SELECT 1 FROM rounds r WHERE r.upload = e.upload AND r.round = e.round)`,
		},
		{
			name: "delivery-missing", what: "an event is not on its way to the callback", key: "e.seq", mend: (*tx).deliverAnew,
			query: `SELECT e.seq, u.id, b.id, e.type FROM events e LEFT JOIN uploads u ON u.seq = e.upload
				LEFT JOIN batches b ON b.seq = COALESCE(e.batch, u.batch) WHERE e.type <> 'media.renewed'
				AND COALESCE(u.callback_url, b.callback_url) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.seq)`,
		},
		{
			name: "delivery-without-event", what: "a delivery has nothing to tell", key: "d.seq", mend: (*tx).dropDelivery,
			query: "SELECT d.seq, NULL, NULL, d.url FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event)",
		},
		{
			name: "delivery-for-ever", what: "a delivery is pending, but for no time", key: "d.seq", mend: (*tx).deliverNow,
			query: "SELECT d.seq, NULL, NULL, d.url FROM deliveries d WHERE d.phase <= 2 AND d.due_at IS NULL",
		},
	}
}

// deliverAnew writes the delivery that an event lacks.
func (t *tx) deliverAnew(event int64) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = t.exec(`INSERT INTO deliveries (id, event, url, due_at) SELECT ?, e.seq, COALESCE(u.callback_url, b.callback_url), ?
		FROM events e LEFT JOIN uploads u ON u.seq = e.upload LEFT JOIN batches b ON b.seq = COALESCE(e.batch, u.batch) WHERE e.seq = ?`,
		id[:], t.now, event)
	return err
}

func (t *tx) dropDelivery(seq int64) error {
	_, err := t.exec("DELETE FROM deliveries WHERE seq = ?", seq)
	return err
}

func (t *tx) deliverNow(seq int64) error {
	_, err := t.exec("UPDATE deliveries SET phase = 0, due_at = ?, claim_token = NULL WHERE seq = ?", t.now, seq)
	return err
}
