package check

import (
	"fmt"
)

func eventChecks() []Rule {
	count := fmt.Sprintf(itsEvents, "count(*)")
	return []Rule{
		{
			Name: "outcome-without-event", what: "nobody was told of its outcome", Key: "u.seq", Repairable: true,
			query: theUpload + "'' FROM uploads u WHERE u.phase >= 4 AND u.renews IS NULL AND (" + count + ") = 0",
		},
		{
			Name: "outcome-with-many-events", what: "its outcome was told more than once", Key: "u.seq",
			query: theUpload + "'' FROM uploads u WHERE u.phase >= 4 AND (" + count + ") > 1",
		},
		{
			Name: "round-without-event", what: "nobody was told of the outcome of an earlier round", Key: "r.upload",
			query: `SELECT r.upload, u.id, NULL, CAST(r.round AS TEXT) FROM rounds r LEFT JOIN uploads u ON u.seq = r.upload
				WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.upload = r.upload AND e.round = r.round AND e.type <> 'media.renewed')`,
		},
		{
			Name: "event-of-another-outcome", what: "an event tells of an outcome that it did not have", Key: "e.seq",
			query: `SELECT e.seq, u.id, NULL, e.type FROM events e JOIN uploads u ON u.seq = e.upload AND u.round = e.round
				WHERE e.type <> 'media.renewed' AND u.phase >= 4
				AND e.type <> CASE u.phase WHEN 4 THEN 'upload.succeeded' WHEN 5 THEN 'upload.failed' ELSE 'upload.canceled' END`,
		},
		{
			Name: "event-without-outcome", what: "an event tells of an outcome that is not there", Key: "e.seq",
			query: `SELECT e.seq, u.id, NULL, e.type FROM events e LEFT JOIN uploads u ON u.seq = e.upload
				WHERE e.upload IS NOT NULL AND e.type <> 'media.renewed' AND (u.seq IS NULL OR u.round <> e.round OR u.phase < 4)
				AND NOT EXISTS (SELECT 1 FROM rounds r WHERE r.upload = e.upload AND r.round = e.round)`,
		},
		{
			Name: "delivery-missing", what: "an event is not on its way to the callback", Key: "e.seq", Repairable: true,
			query: `SELECT e.seq, u.id, b.id, e.type FROM events e LEFT JOIN uploads u ON u.seq = e.upload
				LEFT JOIN batches b ON b.seq = COALESCE(e.batch, u.batch) WHERE e.type <> 'media.renewed'
				AND COALESCE(u.callback_url, b.callback_url) IS NOT NULL AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.event = e.seq)`,
		},
		{
			Name: "delivery-without-event", what: "a delivery has nothing to tell", Key: "d.seq", Repairable: true,
			query: "SELECT d.seq, NULL, NULL, d.url FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event)",
		},
		{
			Name: "delivery-for-ever", what: "a delivery is pending, but for no time", Key: "d.seq", Repairable: true,
			query: "SELECT d.seq, NULL, NULL, d.url FROM deliveries d WHERE d.phase <= 2 AND d.due_at IS NULL",
		},
	}
}
