package view

import (
	"context"
	"database/sql"
	"encoding/hex"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

// Media returns the media that an upload of this content would reuse: one that lives for at least fresh. It returns NotFound
// if the upload would call WeChat.
func (v *View) Media(ctx context.Context, k tasks.MediaKey, fresh time.Duration) (tasks.Media, error) {
	var m tasks.Media
	err := v.lists.Snapshot(ctx, "look up media", func(t *db.Tx) error {
		var id sql.NullString
		var issued, expires sql.NullInt64
		kept := k.Kept()
		_, err := t.Row("SELECT media_id, issued_at, expires_at FROM media WHERE realm = ? AND appid = ? AND type = ? AND hash = ?",
			db.Args{k.Realm, k.AppID, string(k.Type), kept[:]}, &id, &issued, &expires)
		if err != nil {
			return err
		}
		m = tasks.Media{ID: id.String, IssuedAt: db.TimeOrZero(issued), ExpiresAt: db.TimeOrZero(expires)}
		if !schema.LiveMedia(m, t.Now, fresh) {
			return &tasks.Error{Code: tasks.NotFound, Op: "look up media", Err: tasks.Textf("no live media is known for this content")}
		}
		return nil
	})
	return m, err
}

// currentMedia returns the live media of the content that an upload was answered for: the one that is kept alive for it, or else
// the one that an upload of it would reuse. It returns nil where there is none.
func currentMedia(t *db.Tx, o schema.Outcome) (*tasks.CurrentMedia, error) {
	var sha tasks.Hash
	if _, err := hex.Decode(sha[:], []byte(o.SHA256)); o.State != tasks.Succeeded || len(o.SHA256) != 2*len(sha) || err != nil {
		return nil, nil //nolint:nilnil,nilerr // it has none
	}
	own := tasks.MediaKey{Hash: sha, Producer: o.Producer}.Kept()
	var m tasks.CurrentMedia
	var issued, expires int64
	found, err := t.Row(`SELECT media_id, issued_at, expires_at FROM (
			SELECT 0 AS place, k.media_id, k.issued_at, k.expires_at FROM keepers p JOIN kept k ON k.seq = p.kept WHERE p.upload = ?
			UNION ALL SELECT 1, m.media_id, m.issued_at, m.expires_at FROM accounts a JOIN media m ON m.realm = a.realm AND m.appid = a.appid
				WHERE a.name = ? AND m.type = ? AND m.hash IN (?, ?) AND m.media_id IS NOT NULL
		) c WHERE expires_at > ? ORDER BY place, expires_at DESC LIMIT 1`, db.Args{o.Seq, o.Account, string(o.Type), own[:], sha[:], t.Now}, &m.MediaID, &issued, &expires)
	if err != nil || !found {
		return nil, err
	}
	m.IssuedAt, m.ExpiresAt = db.Time(issued), db.Time(expires)
	return &m, nil
}

// MediaAccount returns an account that has a media, for a caller who could reuse it. If accounts is not empty, it is one of
// these. If producer is not empty, the media is one that this producer may reuse. MediaAccount returns NotFound where no such
// media is known.
func (v *View) MediaAccount(ctx context.Context, mediaID string, accounts []string, producer string) (string, error) {
	query, args := "SELECT a.name FROM media m JOIN accounts a ON a.realm = m.realm AND a.appid = m.appid WHERE m.media_id = ?", db.Args{mediaID}
	if producer != "" {
		query, args = query+" AND (m.producer IS NULL OR m.producer = ?)", append(args, producer)
	}
	if len(accounts) > 0 {
		query += " AND a.name IN (" + db.Marks(len(accounts)) + ")"
		for _, name := range accounts {
			args = append(args, name)
		}
	}
	var account string
	err := v.lists.Snapshot(ctx, "look up media", func(t *db.Tx) error {
		found, err := t.Row(query+" ORDER BY a.name LIMIT 1", args, &account)
		if err == nil && !found {
			return &tasks.Error{Code: tasks.NotFound, Op: "look up media", Err: tasks.Textf("no such media is known")}
		}
		return err
	})
	return account, err
}
