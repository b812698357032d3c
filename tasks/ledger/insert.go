package ledger

import (
	"cmp"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

const uploadColumns = `(id, phase, priority, batch, no_reuse, fix, submitted_at, expires_by, keep_fresh_until, digest,
	producer, account, type, source, external_id, filename, callback_url, metadata, granted, local)`

const insertUpload = "INSERT INTO uploads " + uploadColumns + " VALUES (?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"

// insertArrays is insertUpload for many rows in one round trip, each column an array.
const insertArrays = "INSERT INTO uploads " + uploadColumns + ` SELECT i, 0, p, b, n, f, s, e, k, d, r, a, t, c, x, m, u, j, g, l
	FROM unnest(?::bytea[], ?::smallint[], ?::bigint[], ?::smallint[], ?::smallint[], ?::bigint[], ?::bigint[], ?::bigint[], ?::bytea[],
	?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::smallint[]) AS v (i, p, b, n, f, s, e, k, d, r, a, t, c, x, m, u, j, g, l)
	ON CONFLICT DO NOTHING RETURNING id`

// values returns the columns of uploadColumns without the phase.
func (t *tx) values(r *pending) []any {
	return []any{
		r.ID[:], int(r.Priority), r.batch, db.Flag(r.NoReuse), db.Flag(r.Fix), t.Now, db.TimeOrNull(r.ExpiresBy), db.TimeOrNull(r.KeepFreshUntil), r.digest,
		r.Producer, r.Account, string(r.Type), r.Source, db.TextOrNull(r.ExternalID), db.TextOrNull(r.Filename), db.TextOrNull(cmp.Or(r.CallbackURL, r.DefaultCallback)), db.TextOrNull(string(r.Metadata)),
		db.TextOrNull(r.Granted), db.Flag(r.Local),
	}
}

// insertUploads writes the rows whose names are not taken, and reports for each row whether it was written.
func (t *tx) insertUploads(rows []pending) ([]bool, error) {
	if t.Dialect.Concurrent {
		return t.insertArrays(rows)
	}
	fresh := make([]bool, len(rows))
	for i := range rows {
		n, err := t.Exec(insertUpload, t.values(&rows[i])...)
		if err != nil {
			return nil, err
		}
		fresh[i] = n > 0
	}
	return fresh, nil
}

// insertArrays is insertUploads in one round trip.
func (t *tx) insertArrays(rows []pending) ([]bool, error) {
	fresh := make([]bool, len(rows))
	if len(rows) == 0 {
		return fresh, nil
	}
	columns := make([][]any, len(t.values(&rows[0])))
	for i := range rows {
		for c, v := range t.values(&rows[i]) {
			columns[c] = append(columns[c], v)
		}
	}
	a := make(db.Args, len(columns))
	for c, column := range columns {
		a[c] = column
	}
	written := make(map[uuid.UUID]bool, len(rows))
	err := t.Each(insertArrays, a, func(s db.Scanner) error {
		var id uuid.UUID
		err := s.Scan(&id)
		written[id] = true
		return err
	})
	for i := range rows {
		if id := rows[i].ID; written[id] {
			fresh[i] = true
			delete(written, id)
		}
	}
	return fresh, err
}
