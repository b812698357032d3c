package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// accepted is how many media the sandbox has accepted, counted by its journal.
func accepted(s *wechattest.Server) int {
	n := 0
	for _, c := range s.Calls() {
		if strings.HasSuffix(c.Path, uploadPath) && c.MediaID != "" {
			n++
		}
	}
	return n
}

// Who comes after a process that was killed waits for none of its leases: here they outlast the test.
func TestKilledUploadIsFinishedByRun(t *testing.T) {
	t.Parallel()
	const files, slots = 500, 8
	g := newGround(t, wechattest.Config{})
	g.fill(files, 8000)
	g.set("MEDIAFERRY_WORKER__LEASE", "10m")
	g.sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 20 * time.Millisecond}, 1)
	p := g.start("upload", "--concurrency", "8", g.media)
	taskstest.Until(t, "100 files uploaded", func() bool { return accepted(g.sandbox) >= 100 })
	p.signal(syscall.SIGKILL)
	before := accepted(g.sandbox)
	if before >= files {
		t.Fatal("the upload ended before it was killed")
	}

	run := g.start("run")
	l := g.ledger()
	taskstest.Until(t, "every file has its outcome", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Succeeded] == files
	})
	run.signal(syscall.SIGTERM)
	if run.err != nil {
		t.Errorf("run ended with %v", run.err)
	}
	if repeated := accepted(g.sandbox) - files; repeated < 0 || repeated > slots {
		t.Errorf("%d uploads were repeated, at most %d were in flight", repeated, slots)
	}
	if n := g.countOutcomes(l); n != files {
		t.Errorf("%d outcomes for %d files", n, files)
	}
}

func TestShutdownHandsBackWithoutAnAttempt(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(10, 5000)
	g.set("MEDIAFERRY_WORKER__SHUTDOWN_TIMEOUT", "0s")
	g.sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute}, 1)
	if r := g.run("upload", "--detach", g.media); r.code != tasks.ExitOK {
		t.Fatal(r.err)
	}
	run := g.start("run")
	l := g.ledger()
	taskstest.Until(t, "uploads are under way", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Running] == 10
	})
	run.signal(syscall.SIGTERM)
	if run.err != nil {
		t.Errorf("run ended with %v", run.err)
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
	g := newGround(t, wechattest.Config{})
	g.fill(3, 5000)
	owner := g.start("run")
	taskstest.Until(t, "the owner has the data dir", func() bool { return g.owned() })
	for _, command := range []string{"run", "worker", "serve"} {
		r := g.run(command)
		if r.code != tasks.ExitUsage || !strings.Contains(r.err, "is in use by process") {
			t.Errorf("%s beside an owner: exit code %d\n%s", command, r.code, r.err)
		}
	}
	r := g.run("upload", "--output", "json", g.media)
	if r.code != tasks.ExitOK || len(g.outcomes(r.out)) != 3 || !strings.Contains(r.err, "works on this data dir") {
		t.Errorf("upload beside an owner: exit code %d\n%s", r.code, r.err)
	}

	// Who follows learns that the owner is gone, and goes on following.
	g.sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute}, 1)
	p := g.start("upload", "--no-reuse", "--quiet", g.media)
	p.until("submitting to it and following")
	owner.signal(syscall.SIGKILL)
	p.until("nobody works on this data dir now: mediaferry run does")
	if p.ended() {
		t.Errorf("the follower ended\n%s", p.log)
	}
}
