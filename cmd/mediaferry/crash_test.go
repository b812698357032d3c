package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// accepted is how many media the sandbox has accepted, counted by its journal.
func accepted(s *wechattest.Server) int {
	n := 0
	for _, c := range s.Calls() {
		if strings.HasSuffix(c.Path, clitest.UploadPath) && c.MediaID != "" {
			n++
		}
	}
	return n
}

// Who comes after a process that was killed waits for none of its leases: here they outlast the test.
func TestKilledUploadIsFinishedByRun(t *testing.T) {
	t.Parallel()
	const files, slots = 500, 8
	g := clitest.New(t, wechattest.Config{})
	g.Fill(files, 8000)
	g.Set("MEDIAFERRY_WORKER__LEASE", "10m")
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 20 * time.Millisecond}, 1)
	p := g.Start("upload", "--concurrency", "8", g.Media)
	taskstest.Until(t, "100 files uploaded", func() bool { return accepted(g.Sandbox) >= 100 })
	p.Signal(syscall.SIGKILL)
	before := accepted(g.Sandbox)
	if before >= files {
		t.Fatal("the upload ended before it was killed")
	}

	run := g.Start("run")
	l := g.Ledger()
	taskstest.Until(t, "every file has its outcome", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Succeeded] == files
	})
	run.Signal(syscall.SIGTERM)
	if run.Error != nil {
		t.Errorf("run ended with %v", run.Error)
	}
	// A slot is held during the call only; while outcomes are recorded, the next uploads are under way in their slots.
	const underWay = tasks.TasksPerSlot * slots
	if repeated := accepted(g.Sandbox) - files; repeated < 0 || repeated > underWay {
		t.Errorf("%d uploads were repeated, at most %d were under way", repeated, underWay)
	}
	if n := g.CountOutcomes(l); n != files {
		t.Errorf("%d outcomes for %d files", n, files)
	}
}

func TestShutdownHandsBackWithoutAnAttempt(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(10, 5000)
	g.Set("MEDIAFERRY_WORKER__SHUTDOWN_TIMEOUT", "0s")
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute}, 1)
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	run := g.Start("run")
	l := g.Ledger()
	taskstest.Until(t, "uploads are under way", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Running] == 10
	})
	run.Signal(syscall.SIGTERM)
	if run.Error != nil {
		t.Errorf("run ended with %v", run.Error)
	}
	outcomes, _, err := l.List(t.Context(), tasks.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.State != tasks.Queued || o.Attempts != 0 {
			t.Errorf("%s is %s after %d attempts, want queued after none", o.Filename, o.State, o.Attempts)
		}
	}
}

func TestOneOwnerPerDataDir(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	owner := g.Start("run")
	taskstest.Until(t, "the owner has the data dir", func() bool { return g.Owned() })
	for _, command := range []string{"run", "worker", "serve"} {
		r := g.Run(command)
		if r.Code != tasks.ExitUsage || !strings.Contains(r.Err, "is in use by process") {
			t.Errorf("%s beside an owner: exit code %d\n%s", command, r.Code, r.Err)
		}
	}
	r := g.Run("upload", "--output", "json", g.Media)
	if r.Code != tasks.ExitOK || len(g.Outcomes(r.Out)) != 3 || !strings.Contains(r.Err, "works on this data dir") {
		t.Errorf("upload beside an owner: exit code %d\n%s", r.Code, r.Err)
	}

	// Who follows learns that the owner is gone, and goes on following.
	g.Sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute}, 1)
	p := g.Start("upload", "--no-reuse", "--quiet", g.Media)
	p.Until("submitting to it and following")
	owner.Signal(syscall.SIGKILL)
	p.Until("nobody works on this data dir now: mediaferry run does")
	if p.Ended() {
		t.Errorf("the follower ended\n%s", p.Log)
	}
}
