package main

import (
	"database/sql"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// forge changes the ledger behind everybody's back.
func (g *ground) forge(query string) {
	g.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(g.dir, "data", "ledger.db"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(g.t.Context(), query); err != nil {
		g.t.Fatal(err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.write("a.jpg", mediatest.Distinct(1, tasks.Image, 5000))
	g.run("upload", g.media)
	if r := g.run("verify"); r.code != tasks.ExitOK || r.out != "" || !strings.Contains(r.err, "in order") {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}

	g.forge("UPDATE quota SET calls = -5")
	g.forge("UPDATE events SET type = 'upload.failed' WHERE type = 'upload.succeeded'")
	r := g.run("verify")
	if r.code != tasks.ExitFailed || !strings.Contains(r.out, "with --repair") || !strings.Contains(r.out, "by hand") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	r = g.run("verify", "--repair", "--output", "json")
	var checks []string
	for line := range strings.Lines(r.out) {
		var f view.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if checks = append(checks, f.Check); f.Repaired != (f.Check == "quota-negative") || f.Check == "event-of-another-outcome" && f.Upload == uuid.Nil {
			t.Errorf("%s", line)
		}
	}
	if r.code != tasks.ExitFailed || len(checks) != 2 || !strings.Contains(r.err, "2 found, 1 mended") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	g.forge("UPDATE events SET type = 'upload.succeeded' WHERE type = 'upload.failed'")
	g.forge("UPDATE quota SET calls = -5")
	if r := g.run("verify", "--repair"); r.code != tasks.ExitOK || !strings.Contains(r.err, "all mended") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := g.run("verify", "--output", "csv"); r.code != tasks.ExitUsage {
		t.Errorf("exit code %d for csv", r.code)
	}
}

func TestVerifyLooksAtTheSharedBelt(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.set("MEDIAFERRY_REDIS_URL", redistest.Start(t).URL())
	g.run("migrate")
	l := g.ledger()
	if _, err := l.Accept(t.Context(), []tasks.Upload{{Producer: "crm", Account: "default", Type: tasks.Image, Source: "a.jpg"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Dispatch(t.Context(), tasks.Window{Bulk: 1}); err != nil {
		t.Fatal(err)
	}
	g.forge("UPDATE uploads SET due_at = due_at - 60000000") // a minute ago, and nobody put it on the belt
	if r := g.run("verify"); r.code != tasks.ExitFailed || !strings.Contains(r.out, "lost-on-belt") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := g.run("verify", "--repair"); r.code != tasks.ExitOK {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if r := g.run("verify"); r.code != tasks.ExitOK {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
}
