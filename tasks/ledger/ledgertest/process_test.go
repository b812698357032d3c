package ledgertest_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

func launch(t *testing.T) *ledgertest.Process {
	t.Helper()
	p, err := ledgertest.Launch(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func execute(ctx context.Context, p *ledgertest.Process, sql string) error {
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

func TestCrashKeepsWhatWasCommitted(t *testing.T) {
	t.Parallel()
	p := launch(t)
	if err := execute(t.Context(), p, "CREATE TABLE kept (x int)"); err != nil {
		t.Fatal(err)
	}
	if err := p.Crash(); err != nil {
		t.Fatal(err)
	}
	if err := execute(t.Context(), p, "SELECT 1"); err == nil {
		t.Error("a server that crashed answered")
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	if err := execute(t.Context(), p, "INSERT INTO kept VALUES (1)"); err != nil {
		t.Error(err)
	}
}

func TestFrozenServerTakesNoConnection(t *testing.T) {
	t.Parallel()
	p := launch(t)
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := execute(ctx, p, "SELECT 1"); err == nil {
		t.Error("a frozen server answered")
	}
	if err := p.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := execute(t.Context(), p, "SELECT 1"); err != nil {
		t.Error(err)
	}
}

// A server that was left frozen ends with Close.
func TestCloseEndsAFrozenServer(t *testing.T) {
	t.Parallel()
	p := launch(t)
	if err := p.Freeze(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
