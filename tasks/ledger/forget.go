package ledger

import (
	"context"
	"errors"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Forget removes a media from those that uploads may reuse: the next upload of its content calls WeChat. Earlier
// answers stay as they are. If accounts is not empty, only media of these accounts are removed. If producer is not empty,
// only media that this producer may reuse are. It returns NotFound where no such media is known.
func (l *Ledger) Forget(ctx context.Context, mediaID string, accounts []string, producer string) error {
	return l.do(ctx, "forget media", func(t *tx) error {
		where, a := "media_id = ?", db.Args{mediaID}
		if producer != "" {
			where, a = where+" AND (producer IS NULL OR producer = ?)", append(a, producer)
		}
		if len(accounts) > 0 {
			where += " AND EXISTS (SELECT 1 FROM accounts a WHERE a.realm = media.realm AND a.appid = media.appid AND a.name IN (" + db.Marks(len(accounts)) + "))"
			for _, name := range accounts {
				a = append(a, name)
			}
		}
		// The row stays: an upload of the same content may be holding it right now.
		n, err := t.Exec("UPDATE media SET media_id = NULL, issued_at = NULL, expires_at = NULL WHERE "+where, a...)
		if err == nil && n == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "forget media", Err: errors.New("no such media is known")}
		}
		return err
	})
}
