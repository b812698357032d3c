package ledger

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

func TestMigrations(t *testing.T) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("many that start at once make one ledger", func(t *testing.T) {
				t.Parallel()
				url := database(t)
				ids := make([]string, 8)
				together(len(ids), func(i int) {
					l, err := Open(t.Context(), url, Options{})
					if err != nil {
						t.Error(err)
						return
					}
					ids[i] = l.ID().String()
					if err := l.Close(); err != nil {
						t.Error(err)
					}
				})
				for _, id := range ids {
					if id != ids[0] {
						t.Errorf("the ledger is called %s and %s", ids[0], id)
					}
				}
			})
			t.Run("a ledger that is not up to date is refused where asked", func(t *testing.T) {
				t.Parallel()
				url := database(t)
				_, err := Open(t.Context(), url, Options{NoMigrate: true})
				wantCode(t, err, tasks.Conflict)
				from, to, err := Migrate(t.Context(), url)
				if err != nil || from != 0 || to < 1 {
					t.Errorf("migrated from %d to %d: %v", from, to, err)
				}
				again, _, err := Migrate(t.Context(), url)
				if err != nil || again != to {
					t.Errorf("migrated again from %d: %v", again, err)
				}
				l, err := Open(t.Context(), url, Options{NoMigrate: true})
				must(t, err)
				must(t, l.Close())
			})
			t.Run("an action that an older program left open is over", func(t *testing.T) {
				t.Parallel()
				url := database(t)
				b, err := db.Connect(url)
				must(t, err)
				p, err := provider(b)
				must(t, err)
				_, err = p.UpTo(t.Context(), 3)
				must(t, err)
				for i, ended := range []any{nil, int64(9)} {
					_, err := b.Writes.ExecContext(t.Context(), b.Dialect.Bind("INSERT INTO actions (id, kind, by_whom, choice, matched, done, remaining, began_at, ended_at) "+
						"VALUES (?, 'retry', 'li@desk', '{}', 5, 2, ?, 7, ?)"), bytes.Repeat([]byte{byte(i + 1)}, 16), 3*i, ended)
					must(t, err)
				}
				must(t, b.Close())
				l, err := Open(t.Context(), url, Options{})
				must(t, err)
				page, _, err := l.Actions(t.Context(), tasks.ActionFilter{})
				must(t, err)
				must(t, l.Close())
				if len(page) != 2 || page[0].State != tasks.ActionDone || page[0].Left["conflict"] != 3 || page[1].State != tasks.ActionStopped || len(page[1].Left) > 0 {
					t.Errorf("%+v", page)
				}
			})
			t.Run("a newer ledger is refused with a sentence", func(t *testing.T) {
				t.Parallel()
				url := database(t)
				l, err := Open(t.Context(), url, Options{})
				must(t, err)
				must(t, l.do(t.Context(), "test", func(tx *tx) error {
					applied := "1"
					if l.d.Concurrent {
						applied = "true"
					}
					_, err := tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, " + applied + ")")
					return err
				}))
				must(t, l.Close())
				_, err = Open(t.Context(), url, Options{})
				wantCode(t, err, tasks.Conflict)
				if err != nil && !strings.Contains(err.Error(), "newer program") {
					t.Errorf("%v", err)
				}
				if _, _, err := Migrate(t.Context(), url); err == nil {
					t.Error("it was migrated back")
				}
			})
		})
	}
}
