package ledger

import (
	"bytes"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// remember keeps the Idempotency-Key of a request with the ID of its upload or action. It returns the ID that belongs to
// the key: id, or the one that was kept before. It returns Conflict if the key was used for another request, as the digest
// tells.
func (t *tx) remember(producer string, r tasks.Request, id uuid.UUID) (uuid.UUID, error) {
	if r.Name == "" {
		return id, nil
	}
	if _, err := t.Exec("DELETE FROM requests WHERE at <= ?", t.Now-r.Life.Microseconds()); err != nil {
		return id, err
	}
	n, err := t.Exec("INSERT INTO requests (producer, name, digest, upload, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
		producer, r.Name, r.Digest, id[:], t.Now)
	if err != nil || n > 0 {
		return id, err
	}
	var kept []byte
	if _, err := t.Row("SELECT upload, digest FROM requests WHERE producer = ? AND name = ?", db.Args{producer, r.Name}, &id, &kept); err != nil {
		return id, err
	}
	if !bytes.Equal(kept, r.Digest) {
		return id, &tasks.Error{Code: tasks.Conflict, Op: "remember request", Err: tasks.Textf("the Idempotency-Key was used for another request"),
			Hint: "give another request a key of its own"}
	}
	return id, nil
}

// unremember frees the Idempotency-Key of a refused request.
func (t *tx) unremember(producer string, r tasks.Request, id uuid.UUID) error {
	if r.Name == "" {
		return nil
	}
	_, err := t.Exec("DELETE FROM requests WHERE producer = ? AND name = ? AND upload = ?", producer, r.Name, id[:])
	return err
}
