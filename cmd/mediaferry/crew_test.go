package main

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const nobody = "no worker is alive on this Redis"

// On a shared Redis somebody else must work: people hear of it when nobody does, once, and when somebody does again.
func TestNobodyWorksOnASharedRedis(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(3, 5000)
	g.set("MEDIAFERRY_REDIS_URL", redistest.Start(t).URL())
	g.set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("0123456789abcdef", 4))
	g.set("MEDIAFERRY_QUEUE_PREFIX", "ours")

	other := *g // works on the same Redis, for somebody else
	other.env = append(other.env[:len(other.env):len(other.env)], "MEDIAFERRY_QUEUE_PREFIX=theirs", "MEDIAFERRY_DATA_DIR="+t.TempDir())
	theirs := other.start("worker")
	theirs.until(`"ready"`)

	if r := g.run("upload", "--detach", g.media); r.code != tasks.ExitOK || !strings.Contains(r.err, nobody) {
		t.Errorf("detached: exit code %d\n%s", r.code, r.err)
	}
	if r := g.run("doctor"); r.code != tasks.ExitFailed || !strings.Contains(r.out, "none is alive on this Redis") {
		t.Errorf("doctor without a worker: exit code %d\n%s", r.code, r.out)
	}
	p := g.start("upload", "--quiet", g.media)
	p.until(nobody)
	worker := g.start("worker")
	<-p.done
	if said := p.log.String(); p.err != nil || strings.Count(said, nobody) != 1 {
		t.Errorf("followed: %v\n%s", p.err, said)
	}
	if r := g.run("doctor"); !strings.Contains(r.out, "1 at work") {
		t.Errorf("doctor beside a worker: exit code %d\n%s", r.code, r.out)
	}

	worker.signal(syscall.SIGTERM)
	if r := g.run("retry", "--again", "--detach", "--source", "*.mp3", "--yes"); r.code != tasks.ExitOK || !strings.Contains(r.err, nobody) {
		t.Errorf("retried and detached: exit code %d\n%s", r.code, r.err)
	}
	p = g.start("retry", "--again", "--source", "*.mp4", "--yes")
	p.until(nobody)
	p.signal(syscall.SIGINT)
	if code := p.ProcessState.ExitCode(); code != tasks.ExitInterrupted || !p.says("what was submitted is kept, and goes on with mediaferry run or worker\n") {
		t.Errorf("the interrupted retry: exit code %d\n%s", code, p.log)
	}
	p = g.start("retry", "--again", "--source", "*.jpg", "--yes")
	p.until(nobody)
	g.start("worker")
	taskstest.Until(t, "the retry says that somebody works, or is done", func() bool {
		return p.says("1 worker is at work now") || p.ended()
	})
	<-p.done
	if p.err != nil {
		t.Errorf("retried: %v\n%s", p.err, p.log)
	}
}

// What was submitted is kept when its follower is interrupted, and people are told how it goes on.
func TestInterruptedUploadIsKept(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(3, 5000)
	g.set("MEDIAFERRY_WORKER__SHUTDOWN_TIMEOUT", "0s")
	g.sandbox.Script(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute, Times: 3})
	p := g.start("upload", "--output", "json", g.media)
	taskstest.Until(t, "uploads are under way", func() bool { return g.sandbox.Count(uploadPath) == 3 })
	p.signal(syscall.SIGINT)
	if code := p.ProcessState.ExitCode(); code != tasks.ExitInterrupted || !p.says("interrupted: what was submitted is kept, and goes on with the same command or mediaferry run") {
		t.Errorf("exit code %d\n%s", code, p.log)
	}
	r := g.run("upload", "--output", "json", g.media)
	if n := len(g.outcomes(r.out)); r.code != tasks.ExitOK || n != 3 {
		t.Errorf("the same command: exit code %d, %d outcomes\n%s", r.code, n, r.err)
	}
	for _, o := range g.outcomes(r.out) {
		if o.Attempts != 1 || o.Round != 1 {
			t.Errorf("%s succeeded after %d attempts in round %d, want the first: an interruption is none", o.Filename, o.Attempts, o.Round)
		}
	}
}
