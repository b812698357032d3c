package ledger

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Request gives a request that its producer named an ID for the upload it asks for: the same one each time within
// ttl, so that accepting under it happens once. It returns Conflict where the name was used for another request,
// told apart by digest.
func (l *Ledger) Request(ctx context.Context, producer, name string, digest []byte, ttl time.Duration) (uuid.UUID, error) {
	minted, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	var id uuid.UUID
	err = l.do(ctx, "remember request", func(t *tx) error {
		if _, err := t.Exec("DELETE FROM requests WHERE at <= ?", t.Now-ttl.Microseconds()); err != nil {
			return err
		}
		n, err := t.Exec("INSERT INTO requests (producer, name, digest, upload, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			producer, name, digest, minted[:], t.Now)
		if err != nil || n > 0 {
			id = minted
			return err
		}
		var kept []byte
		if _, err := t.Row("SELECT upload, digest FROM requests WHERE producer = ? AND name = ?", db.Args{producer, name}, &id, &kept); err != nil {
			return err
		}
		if !bytes.Equal(kept, digest) {
			return &tasks.Error{Code: tasks.Conflict, Op: "remember request", Err: errors.New("the Idempotency-Key was used for another request"),
				Hint: "give another request a key of its own"}
		}
		return nil
	})
	return id, err
}
