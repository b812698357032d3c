package ledger

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Forget removes a media from those that uploads may reuse: the next upload of its content calls WeChat. Earlier
// answers stay as they are. It is not kept alive any more for those who could reuse it; for a producer that is itself, and where
// others asked for it too, they get another media. If accounts is not empty, only media of these accounts are removed. If producer is not empty,
// only media that this producer may reuse are. It returns NotFound where no such media is known.
func (l *Ledger) Forget(ctx context.Context, mediaID string, accounts []string, producer string) error {
	return l.do(ctx, "forget media", func(t *tx) error {
		// The row stays: an upload of the same content may be holding it right now.
		where, a := mediaOwned("media", mediaID, accounts, producer)
		n, err := t.Exec("UPDATE media SET media_id = NULL, issued_at = NULL, expires_at = NULL WHERE "+where, a...)
		if err != nil {
			return err
		}
		ks, err := t.forgetKept(mediaID, accounts, producer)
		if err == nil && n == 0 && ks == 0 {
			return &tasks.Error{Code: tasks.NotFound, Op: "forget media", Err: tasks.Textf("no such media is known")}
		}
		return err
	})
}

// mediaOwned is the condition that a row of media or kept has that media_id, and what it is limited to.
func mediaOwned(table, mediaID string, accounts []string, producer string) (string, db.Args) {
	where, a := "media_id = ?", db.Args{mediaID}
	if producer != "" {
		where, a = where+" AND (producer IS NULL OR producer = ?)", append(a, producer)
	}
	if len(accounts) > 0 {
		where += " AND EXISTS (SELECT 1 FROM accounts a WHERE a.realm = " + table + ".realm AND a.appid = " + table + ".appid AND a.name IN (" + db.Marks(len(accounts)) + "))"
		for _, name := range accounts {
			a = append(a, name)
		}
	}
	return where, a
}

// forgetKept ends that a media is kept alive, for a producer or, with "", for all. It returns the number of contents.
func (t *tx) forgetKept(mediaID string, accounts []string, producer string) (int, error) {
	where, a := mediaOwned("kept", mediaID, accounts, producer)
	ks, err := t.keptWhere(where+t.Dialect.ForUpdate, a...)
	for _, k := range ks {
		if err != nil {
			break
		}
		k.due = t.Now // for those who asked for it too
		if err = t.writeKept(k); err != nil {
			break
		}
		if producer == "" {
			err = t.endKeepers("kept = ?", k.seq)
		} else {
			err = t.endKeepers("kept = ? AND producer = ?", k.seq, producer)
		}
	}
	return len(ks), err
}
