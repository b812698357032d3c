package clitest

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Ledger opens the ledger that the ground's settings name.
func (g *Ground) Ledger() *ledger.Ledger {
	g.T.Helper()
	url := "sqlite:" + filepath.Join(g.Dir, "data", "ledger.db")
	if set := g.Variable("MEDIAFERRY_LEDGER_URL"); set != "" {
		url = set
	}
	l, err := ledger.Open(g.T.Context(), url, ledger.Options{})
	if err != nil {
		g.T.Fatal(err)
	}
	g.T.Cleanup(func() { l.Close() })
	return l
}

// Variable returns what a variable was set to; empty: it is not set.
func (g *Ground) Variable(name string) (value string) {
	for _, kv := range g.Env {
		if v, ok := cutVariable(kv, name); ok {
			value = v
		}
	}
	return value
}

func cutVariable(kv, name string) (string, bool) {
	if len(kv) > len(name) && kv[:len(name)] == name && kv[len(name)] == '=' {
		return kv[len(name)+1:], true
	}
	return "", false
}

// Owned reports whether a process has taken the embedded belt of the data dir. It does not try the lock, which would
// keep that process from taking it.
func (g *Ground) Owned() bool {
	who, err := os.ReadFile(filepath.Join(g.Dir, "data", "owner.lock"))
	return err == nil && len(who) > 0
}

// CountOutcomes counts distinct uploads that have an outcome, and checks that each has one event of its round.
func (g *Ground) CountOutcomes(l *ledger.Ledger) int {
	g.T.Helper()
	final := map[uuid.UUID]tasks.Outcome{}
	f := tasks.Filter{Limit: 1000}
	for {
		page, next, err := l.List(g.T.Context(), f)
		if err != nil {
			g.T.Fatal(err)
		}
		for _, o := range page {
			if o.State.Final() {
				final[o.ID] = o
			}
		}
		if f.Cursor = next; next == "" {
			break
		}
	}
	if events := countEvents(g.T, l); events != len(final) {
		g.T.Errorf("%d events of outcomes for %d outcomes", events, len(final))
	}
	return len(final)
}

func countEvents(t *testing.T, l *ledger.Ledger) int {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	newest, err := l.NewestEvent(ctx)
	if err != nil {
		t.Fatal(err)
	}
	n, place := 0, int64(0)
	taskstest.Until(t, "all events can be read", func() bool {
		page, err := l.Events(ctx, tasks.EventFilter{After: place, Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.Type == tasks.UploadSucceeded || e.Type == tasks.UploadFailed || e.Type == tasks.UploadCanceled {
				n++
			}
		}
		place = page.Next
		return place >= newest
	})
	return n
}

// Forge changes the ledger behind everybody's back.
func (g *Ground) Forge(query string) {
	g.T.Helper()
	db, err := sql.Open("sqlite", filepath.Join(g.Dir, "data", "ledger.db"))
	if err != nil {
		g.T.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(g.T.Context(), query); err != nil {
		g.T.Fatal(err)
	}
}

// ReadyLedger waits until a process has registered the accounts, and opens the ledger beside it.
func (g *Ground) ReadyLedger() *ledger.Ledger {
	g.T.Helper()
	taskstest.Until(g.T, "the owner has the data dir", g.Owned)
	l := g.Ledger()
	taskstest.Until(g.T, "the account is registered", func() bool {
		accounts, err := l.Accounts(g.T.Context())
		return err == nil && len(accounts) == 1
	})
	return l
}
