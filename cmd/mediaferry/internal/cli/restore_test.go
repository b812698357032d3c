package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// refuses fails where restore does not refuse with those words, or touches a file.
func refuses(g *clitest.Ground, file, says string) {
	g.T.Helper()
	before := names(g)
	if r := g.Run("restore", file); r.Code != tasks.ExitUsage || !strings.Contains(r.Err, says) {
		g.T.Errorf("restore exits %d, want %d and %q: %s%s", r.Code, tasks.ExitUsage, says, r.Out, r.Err)
	}
	if after := names(g); after != before {
		g.T.Errorf("it left %s, and there was %s", after, before)
	}
}

func names(g *clitest.Ground) string {
	g.T.Helper()
	all, err := filepath.Glob(filepath.Join(g.Dir, "data", "*ledger*"))
	if err != nil {
		g.T.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestRestore(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	if r := g.Run("upload", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	file, ledger := filepath.Join(g.Dir, "copy.db"), filepath.Join(g.Dir, "data", "ledger.db")
	if r := g.Run("backup", file); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	refuses(g, file, "there is a file "+ledger+" already")

	owner := g.Start("run")
	owner.Until(`"ready"`)
	refuses(g, file, "is in use by")
	owner.Signal(syscall.SIGTERM)

	for _, suffix := range []string{"", "-shm"} {
		if err := os.Remove(ledger + suffix); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(ledger+"-wal", []byte("left of another ledger"), 0o600); err != nil {
		t.Fatal(err)
	}
	refuses(g, file, "there is a file "+ledger+"-wal already")
	if err := os.Remove(ledger + "-wal"); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(g.Dir, "other")
	for _, content := range []string{"", "no database at all, but some text"} {
		if err := os.WriteFile(other, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		refuses(g, other, "is no ledger")
	}
	refuses(g, filepath.Join(g.Dir, "none"), "no such file")

	r := g.Run("restore", file)
	if r.Code != tasks.ExitOK || r.Out != ledger+": 3 uploads\n" || !strings.Contains(r.Err, "submit again what came later") || strings.Contains(r.Err, "without an outcome") {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	calls := g.Sandbox.Count(clitest.UploadPath)
	if r := g.Run("upload", "--output", "json", g.Media); r.Code != tasks.ExitOK || len(g.Outcomes(r.Out)) != 3 {
		t.Errorf("with the restored ledger: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if n := g.Sandbox.Count(clitest.UploadPath); n != calls {
		t.Errorf("%d calls for files that the ledger knows", n-calls)
	}

	g.Set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(t))
	refuses(g, file, "pg_restore")
}

// What lies in the log of a copied file is part of the ledger, and what had no outcome is told of.
func TestRestoreKnowsLogs(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	if err := os.Mkdir(filepath.Join(g.Dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	l := g.Ledger() // keeps the log from being emptied
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	ledger := filepath.Join(g.Dir, "data", "ledger.db")
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(ledger + suffix)
		if err == nil {
			err = os.WriteFile(filepath.Join(g.Dir, "copy.db")+suffix, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(ledger + suffix); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	}
	r := g.Run("restore", filepath.Join(g.Dir, "copy.db"))
	if r.Code != tasks.ExitOK || !strings.HasSuffix(r.Out, ": 3 uploads\n") || !strings.Contains(r.Err, "3 uploads are without an outcome") {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
}
