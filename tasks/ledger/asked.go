package ledger

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// AskedMedia returns what is known of the upload by which a producer asked for a media under that external ID. Its Live
// lives for at least fresh. AskedMedia returns NotFound where there is no such upload. It never waits for a list.
func (l *Ledger) AskedMedia(ctx context.Context, producer, externalID string, fresh time.Duration) (tasks.AskedMedia, error) {
	var asked tasks.AskedMedia
	err := l.engine.Snapshot(ctx, "look up media", func(t *db.Tx) error {
		found, err := schema.Outcomes(t, "u.producer = ? AND u.external_id = ?", producer, externalID)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return schema.NoUpload("look up media")
		}
		asked = tasks.AskedMedia{Outcome: found[0].Outcome}
		var hash []byte
		_, err = t.Row("SELECT digest, COALESCE(identity, ''), sha256 FROM uploads WHERE seq = ?", db.Args{found[0].Seq}, &asked.Digest, &asked.Identity, &hash)
		if err != nil || !asked.State.Final() {
			return err
		}
		asked.Age = max(0, time.Duration(t.Now-db.Micros(asked.Finished))*time.Microsecond)
		if len(hash) == 0 {
			return nil
		}
		key := tasks.MediaKey{Type: asked.Type}
		copy(key.Hash[:], hash)
		m, err := mediaNow(t, asked.Account, producer, key)
		if schema.LiveMedia(m, t.Now, fresh) {
			asked.Live = m
		}
		return err
	})
	return asked, err
}

// mediaNow returns the media of a content, as it is known by now, that a producer may reuse in an account. Of two the one
// that lives longer.
func mediaNow(t *db.Tx, account, producer string, k tasks.MediaKey) (m tasks.Media, err error) {
	shared := k.Kept()
	k.Producer = producer
	own := k.Kept()
	var id sql.NullString
	var issued, expires sql.NullInt64
	_, err = t.Row(`SELECT m.media_id, m.issued_at, m.expires_at FROM accounts a
		JOIN media m ON m.realm = a.realm AND m.appid = a.appid AND m.type = ? AND m.hash IN (?, ?)
		WHERE a.name = ? AND m.media_id IS NOT NULL AND (m.producer IS NULL OR m.producer = ?) ORDER BY m.expires_at DESC LIMIT 1`,
		db.Args{string(k.Type), shared[:], own[:], account, producer}, &id, &issued, &expires)
	return tasks.Media{ID: id.String, IssuedAt: db.TimeOrZero(issued), ExpiresAt: db.TimeOrZero(expires)}, err
}

// Awaited returns those of the uploads that exist, in no particular order and without their histories. It never waits for
// a list.
func (l *Ledger) Awaited(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error) {
	var all []tasks.Outcome
	for some := range slices.Chunk(ids, awaitedAtOnce) {
		keys := make(db.Args, len(some))
		for i, id := range some {
			keys[i] = id[:]
		}
		var rows []schema.Outcome
		err := l.engine.Snapshot(ctx, "look up uploads", func(t *db.Tx) error {
			var err error
			rows, err = schema.Outcomes(t, "u.id IN ("+db.Marks(len(keys))+")", keys...)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, o := range rows {
			all = append(all, o.Outcome)
		}
	}
	return all, nil
}

// awaitedAtOnce keeps a statement's text short.
const awaitedAtOnce = 500
