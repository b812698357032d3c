package ledger

import (
	"context"
	"testing"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

// A caller that gives up a read leaves nothing behind on the connection: the next one gets a clean one.
func TestReadThatWasGivenUpLeavesNoTransaction(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, err := Open(t.Context(), url(t), Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { l.Close() })
			for range 50 { // more than there are connections
				ctx, cancel := context.WithCancel(t.Context())
				err := l.engine.Snapshot(ctx, "look", func(tx *db.Tx) error {
					cancel() // the commit is still to come
					return nil
				})
				if err == nil {
					t.Fatal("a read whose caller had gone was reported as whole")
				}
				if err := l.Ping(t.Context()); err != nil {
					t.Fatalf("the next read: %v", err)
				}
			}
		})
	}
}
