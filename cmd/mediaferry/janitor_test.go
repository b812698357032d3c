package main

import (
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestRunDeletesWhatWasKeptLongEnough(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	if r := g.Run("upload", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	l := g.Ledger()
	kept := func() []tasks.Outcome {
		page, _, err := l.List(t.Context(), tasks.Filter{})
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	young := kept()[0].ID
	g.Forge(`UPDATE batches SET submitted_at = submitted_at - 31 * 86400000000, completed_at = completed_at - 31 * 86400000000`)
	g.Forge(`UPDATE uploads SET submitted_at = submitted_at - 31 * 86400000000, finished_at = finished_at - 31 * 86400000000,
		expires_at = expires_at - 31 * 86400000000`)
	g.Forge(`UPDATE uploads SET finished_at = finished_at + 2 * 86400000000, batch = 0 WHERE seq = (SELECT max(seq) FROM uploads)`)
	p := g.Start("run")
	taskstest.Until(t, "what is old is deleted", func() bool { return len(kept()) < 3 })
	taskstest.Until(t, "all of it", func() bool { return len(kept()) == 1 })
	p.Signal(syscall.SIGTERM)
	if left := kept(); len(left) != 1 || left[0].ID != young {
		t.Errorf("left: %+v", left)
	}
}
