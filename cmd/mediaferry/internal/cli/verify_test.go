package cli_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 5000))
	g.Run("upload", g.Media)
	if r := g.Run("verify"); r.Code != tasks.ExitOK || r.Out != "" || !strings.Contains(r.Err, "in order") {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}

	g.Forge("UPDATE quota SET calls = -5")
	g.Forge("UPDATE events SET type = 'upload.failed' WHERE type = 'upload.succeeded'")
	r := g.Run("verify")
	if r.Code != tasks.ExitFailed || !strings.Contains(r.Out, "with --repair") || !strings.Contains(r.Out, "by hand") {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	r = g.Run("verify", "--repair", "--output", "json")
	var checks []string
	for line := range strings.Lines(r.Out) {
		var f view.Finding
		if err := json.Unmarshal([]byte(line), &f); err != nil {
			t.Fatal(err)
		}
		if checks = append(checks, f.Check); f.Repaired != (f.Check == "quota-negative") || f.Check == "event-of-another-outcome" && f.Upload == uuid.Nil {
			t.Errorf("%s", line)
		}
	}
	if r.Code != tasks.ExitFailed || len(checks) != 2 || !strings.Contains(r.Err, "2 found, 1 mended") {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	g.Forge("UPDATE events SET type = 'upload.succeeded' WHERE type = 'upload.failed'")
	g.Forge("UPDATE quota SET calls = -5")
	if r := g.Run("verify", "--repair"); r.Code != tasks.ExitOK || !strings.Contains(r.Err, "all mended") {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := g.Run("verify", "--output", "csv"); r.Code != tasks.ExitUsage {
		t.Errorf("exit code %d for csv", r.Code)
	}
}

func TestVerifyLooksAtTheSharedBelt(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Set("MEDIAFERRY_REDIS_URL", redistest.Start(t).URL())
	g.Run("migrate")
	l := g.Ledger()
	if _, err := l.Accept(t.Context(), []tasks.Upload{{Producer: "crm", Account: "default", Type: tasks.Image, Source: "a.jpg"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Dispatch(t.Context(), tasks.Window{Bulk: 1}); err != nil {
		t.Fatal(err)
	}
	g.Forge("UPDATE runs SET dispatched_at = dispatched_at - 60000000") // a minute ago, and nobody put it on the belt
	if r := g.Run("verify"); r.Code != tasks.ExitFailed || !strings.Contains(r.Out, "lost-on-belt") {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := g.Run("verify", "--repair"); r.Code != tasks.ExitOK {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if r := g.Run("verify"); r.Code != tasks.ExitOK {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
}
