package ledger

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Media returns the media that an upload of this content would be answered with: one that lives for at least fresh.
// NotFound where WeChat would be called.
func (l *Ledger) Media(ctx context.Context, k tasks.MediaKey, fresh time.Duration) (tasks.Media, error) {
	var m tasks.Media
	err := l.view(ctx, "look up media", func(t *tx) error {
		var id sql.NullString
		var issued, expires sql.NullInt64
		_, err := t.row("SELECT media_id, issued_at, expires_at FROM media WHERE realm = ? AND appid = ? AND type = ? AND hash = ?",
			args{k.Realm, k.AppID, string(k.Type), k.Hash[:]}, &id, &issued, &expires)
		if err != nil {
			return err
		}
		m = tasks.Media{ID: id.String, IssuedAt: timeOrZero(issued), ExpiresAt: timeOrZero(expires)}
		if !(knownMedia{Media: m}).live(t.now, fresh) {
			return &tasks.Error{Code: tasks.NotFound, Op: "look up media", Err: errors.New("no live media is known for this content")}
		}
		return nil
	})
	return m, err
}
