package ledger

import (
	"context"
	"database/sql"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// InboxUse counts the uploads of a source in an inbox.
func (l *Ledger) InboxUse(ctx context.Context, source string) (tasks.SourceUse, error) {
	var u tasks.SourceUse
	err := l.engine.Snapshot(ctx, "look up uses of source", func(t *db.Tx) error {
		u = tasks.SourceUse{}
		var finished sql.NullInt64
		_, err := t.Row(`SELECT COUNT(*), COUNT(CASE WHEN phase < 4 THEN 1 END), COUNT(CASE WHEN phase = 5 THEN 1 END), COUNT(CASE WHEN phase = 4 AND keep_fresh_until > ? THEN 1 END), MAX(finished_at)
			FROM uploads WHERE source = ? AND substr(source, 1, 6) = 'inbox:' AND renews IS NULL`, db.Args{t.Now, source}, &u.Uploads, &u.Open, &u.Failed, &u.Kept, &finished)
		u.Finished = db.TimeOrZero(finished)
		return err
	})
	return u, err
}
