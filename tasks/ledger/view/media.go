package view

import (
	"context"
	"database/sql"
	"errors"
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
			return &tasks.Error{Code: tasks.NotFound, Op: "look up media", Err: errors.New("no live media is known for this content")}
		}
		return nil
	})
	return m, err
}
