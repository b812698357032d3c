package ledgertest_test

import (
	"context"
	"fmt"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// A schema is lent again when the connections of its last test are gone, and then looks as it did the first time.
func TestASchemaIsLentAgainAsItWas(t *testing.T) {
	t.Parallel()
	ctx := context.WithoutCancel(t.Context())
	var used string
	var fresh map[string][]string
	var left *pgx.Conn
	t.Run("the first test", func(t *testing.T) {
		used = ledgertest.Postgres(t)
		var err error
		if left, err = pgx.Connect(ctx, used); err != nil {
			t.Fatal(err)
		}
		fresh = contents(ctx, t, left)
		for _, change := range []string{
			"INSERT INTO meta (key, value) VALUES ('ledger_id', 'x')",
			"UPDATE meta SET value = '99' WHERE key = 'oldest_version'",
			"INSERT INTO batches (id, producer, submitted_at, touched_at) VALUES ('\\x00', 'crm', 0, 0)",
		} {
			if _, err := left.Exec(ctx, change); err != nil {
				t.Fatal(err)
			}
		}
		if cmp.Equal(contents(ctx, t, left), fresh) {
			t.Error("nothing has changed")
		}
	})
	t.Run("a test while the first is still connected", func(t *testing.T) {
		if other := ledgertest.Postgres(t); other == used {
			t.Error("the schema is lent to two")
		}
	})
	if err := left.Close(ctx); err != nil {
		t.Fatal(err)
	}
	t.Run("a later test", func(t *testing.T) {
		watch := connect(ctx, t, ledgertest.EmptyPostgres(t))
		u, err := url.Parse(used)
		if err != nil {
			t.Fatal(err)
		}
		taskstest.Until(t, "the first test's connection is gone", func() bool {
			var n int
			err := watch.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", u.Query().Get("search_path")).Scan(&n)
			if err != nil {
				t.Fatal(err)
			}
			return n == 0
		})
		again := ledgertest.Postgres(t)
		if again != used {
			t.Errorf("it gets %s, want %s", again, used)
		}
		if diff := cmp.Diff(fresh, contents(ctx, t, connect(ctx, t, again))); diff != "" {
			t.Error(diff)
		}
	})
}

func connect(ctx context.Context, t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(ctx) })
	return conn
}

// contents is what is in each table, and where the sequences are.
func contents(ctx context.Context, t *testing.T, conn *pgx.Conn) map[string][]string {
	t.Helper()
	query := func(q string) []string {
		rows, err := conn.Query(ctx, q)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return texts
	}
	all := map[string][]string{"sequences": query("SELECT sequencename || ' ' || coalesce(last_value, 0) FROM pg_sequences WHERE schemaname = current_schema() ORDER BY 1")}
	for _, table := range query("SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'goose_db_version'") {
		all[table] = query(fmt.Sprintf("SELECT r::text FROM %s r ORDER BY 1", table))
	}
	return all
}
