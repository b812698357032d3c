package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestBackup(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(4, 5000)
	if r := g.run("upload", g.media); r.code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	file := filepath.Join(g.dir, "copy.db")
	if r := g.run("backup", file); r.code != tasks.ExitOK || !strings.HasPrefix(r.out, file+": ") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := g.run("backup", file); r.code != tasks.ExitUsage || !strings.Contains(r.err, "--force") {
		t.Errorf("over the same file: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := g.run("backup", "--force", file); r.code != tasks.ExitOK {
		t.Errorf("with --force: exit code %d\n%s%s", r.code, r.out, r.err)
	}

	g.set("MEDIAFERRY_LEDGER_URL", "sqlite:"+file) // the copy serves as the ledger
	if r := g.run("verify"); r.code != tasks.ExitOK {
		t.Errorf("the copy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	calls := g.sandbox.Count(uploadPath)
	if r := g.run("upload", "--output", "json", g.media); r.code != tasks.ExitOK || len(g.outcomes(r.out)) != 4 {
		t.Errorf("with the copy: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if n := g.sandbox.Count(uploadPath); n != calls {
		t.Errorf("%d calls for files that the copy knows", n-calls)
	}

	g.set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(t))
	if r := g.run("backup", file+"2"); r.code != tasks.ExitUsage || !strings.Contains(r.err, "pg_dump") {
		t.Errorf("PostgreSQL: exit code %d\n%s%s", r.code, r.out, r.err)
	}
}
