package db

import (
	"context"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

// A read that would never end is stopped, and its connection serves the next one.
func TestAReadEndsAtItsLimit(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]func(testing.TB) string{"sqlite": ledgertest.SQLite, "postgres": ledgertest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := Connect(url(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = h.Close() })
			h.Views.SetMaxOpenConns(1)
			limited := Reader{Handle: h, Pool: h.Views, Now: time.Now, Most: 50 * time.Millisecond}
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour) // a patient caller
			defer cancel()
			err = limited.Snapshot(ctx, "read for ever", func(t *Tx) error {
				_, err := t.Row("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT count(*) FROM n", nil, new(int))
				return err
			})
			if tasks.CodeOf(err) != tasks.Unavailable {
				t.Errorf("got %v, want unavailable", err)
			}
			var one int
			patient := Reader{Handle: h, Pool: h.Views, Now: time.Now}
			err = patient.Snapshot(t.Context(), "read once more", func(t *Tx) error {
				_, err := t.Row("SELECT 1", nil, &one)
				return err
			})
			if err != nil || one != 1 {
				t.Errorf("the next read: %d, %v", one, err)
			}
		})
	}
}
