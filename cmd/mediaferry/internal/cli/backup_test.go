package cli_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(4, 5000)
	if r := g.Run("upload", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	file := filepath.Join(g.Dir, "copy.db")
	if r := g.Run("backup", file); r.Code != tasks.ExitOK || !strings.HasPrefix(r.Out, file+": ") {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := g.Run("backup", file); r.Code != tasks.ExitUsage || !strings.Contains(r.Err, "--force") {
		t.Errorf("over the same file: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := g.Run("backup", "--force", file); r.Code != tasks.ExitOK {
		t.Errorf("with --force: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}

	g.Set("MEDIAFERRY_LEDGER_URL", "sqlite:"+file) // the copy serves as the ledger
	if r := g.Run("verify"); r.Code != tasks.ExitOK {
		t.Errorf("the copy: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	calls := g.Sandbox.Count(clitest.UploadPath)
	if r := g.Run("upload", "--output", "json", g.Media); r.Code != tasks.ExitOK || len(g.Outcomes(r.Out)) != 4 {
		t.Errorf("with the copy: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if n := g.Sandbox.Count(clitest.UploadPath); n != calls {
		t.Errorf("%d calls for files that the copy knows", n-calls)
	}

	g.Set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(t))
	if r := g.Run("backup", file+"2"); r.Code != tasks.ExitUsage || !strings.Contains(r.Err, "pg_dump") {
		t.Errorf("PostgreSQL: exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
}
