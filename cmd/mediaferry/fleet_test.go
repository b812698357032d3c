package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// transient is every kind of fault that passes, and that an upload must live through.
var transient = []wechattest.Fault{
	{Kind: wechattest.Errcode, Errcode: -1},
	{Kind: wechattest.HTML502},
	{Kind: wechattest.Empty},
	{Kind: wechattest.ResetBefore},
	{Kind: wechattest.ResetAfter},
}

const faultShare = 0.05

func misbehave(g *clitest.Ground) {
	for _, f := range transient {
		f.Path = "media/upload"
		g.Sandbox.Rate(f, faultShare/float64(len(transient)))
	}
	g.Set("MEDIAFERRY_WORKER__BACKOFF_BASE", "50ms")
}

// fleet makes the ground one of a fleet: a real Redis and a real PostgreSQL.
func fleet(g *clitest.Ground) *redistest.Server {
	r := redistest.Start(g.T)
	g.Set("MEDIAFERRY_REDIS_URL", r.URL())
	g.Set("MEDIAFERRY_LEDGER_URL", ledgertest.Postgres(g.T))
	g.Set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("0123456789abcdef", 4))
	return r
}

// allSucceeded waits until n uploads have succeeded.
func allSucceeded(t *testing.T, l *ledger.Ledger, n int) {
	t.Helper()
	taskstest.Until(t, fmt.Sprintf("%d uploads succeeded", n), func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Succeeded] == n
	})
}

// checkCalls compares what the sandbox met with what was needed: one accepted call for each content, one more for each
// answer that got lost after the file was taken, and one token.
func checkCalls(g *clitest.Ground, files int) {
	g.T.Helper()
	calls, lost, tokens, good := 0, 0, 0, 0
	for _, c := range g.Sandbox.Calls() {
		switch {
		case strings.HasSuffix(c.Path, "stable_token"):
			tokens++
		case !strings.HasSuffix(c.Path, clitest.UploadPath):
		default:
			calls++
			if c.Fault == string(wechattest.ResetAfter) {
				lost++
			}
			if c.MediaID != "" {
				good++
			}
		}
	}
	if good-lost != files {
		g.T.Errorf("%d media were issued, %d of them with a lost answer, for %d contents", good, lost, files)
	}
	if tokens != 1 {
		g.T.Errorf("%d token fetches, want one for all processes", tokens)
	}
	g.T.Logf("%d calls for %d files: %d met a fault", calls, files, calls-good+lost)
}

func TestFleet(t *testing.T) {
	t.Parallel()
	files := taskstest.Size(5000)
	g := clitest.New(t, wechattest.Config{})
	g.Fill(files, 4000)
	fleet(g)
	misbehave(g)
	workers := []*clitest.Process{g.Start("worker"), g.Start("worker"), g.Start("worker")}
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	l := g.Ledger()
	allSucceeded(t, l, files)
	checkCalls(g, files)
	if n := g.CountOutcomes(l); n != files {
		t.Errorf("%d outcomes for %d files", n, files)
	}
	for _, w := range workers {
		t.Logf("peak memory of a worker: %d MiB", peakMemory(w.Process.Pid)>>20)
		w.Signal(syscall.SIGTERM)
		if w.Error != nil {
			t.Errorf("a worker ended with %v", w.Error)
		}
	}
}

func TestEmbeddedThroughFaults(t *testing.T) {
	t.Parallel()
	files := taskstest.Size(5000)
	g := clitest.New(t, wechattest.Config{})
	g.Fill(files, 4000)
	misbehave(g)
	p := g.Start("upload", "--quiet", "--output", "json", g.Media)
	taskstest.Until(t, "the upload ended", p.Ended)
	if p.Error != nil {
		t.Fatalf("upload: %v\n%s", p.Error, p.Log.Tail())
	}
	checkCalls(g, files)
	if n := g.CountOutcomes(g.Ledger()); n != files {
		t.Errorf("%d outcomes for %d files", n, files)
	}
}

func TestFlushedRedisLosesNothing(t *testing.T) {
	t.Parallel()
	const slots = 8
	files := taskstest.Size(5000)
	g := clitest.New(t, wechattest.Config{})
	g.Fill(files, 4000)
	r := fleet(g)
	g.Set("MEDIAFERRY_WORKER__CONCURRENCY", strconv.Itoa(slots))
	g.Start("worker")
	g.Start("worker")
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	taskstest.Until(t, "a tenth of the files uploaded", func() bool { return accepted(g.Sandbox) >= files/10 })
	rdb := r.Client()
	if err := rdb.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	if done := accepted(g.Sandbox); done >= files {
		t.Fatal("all was done before Redis was wiped")
	}
	l := g.Ledger()
	allSucceeded(t, l, files)
	if repeated := accepted(g.Sandbox) - files; repeated > 2*slots {
		t.Errorf("%d uploads were repeated, at most %d were in flight", repeated, 2*slots)
	}
	if n := g.CountOutcomes(l); n != files {
		t.Errorf("%d outcomes for %d files", n, files)
	}
}

// peakMemory is the highest resident memory of a process so far, in bytes; 0 where the system does not tell.
func peakMemory(pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		var kib int64
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kib); err == nil {
			return kib << 10
		}
	}
	return 0
}

// What only submits needs no Redis: the work begins once that is there.
func TestDetachedUploadWhileRedisIsAway(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 800)
	r := fleet(g)
	r.Kill()
	res := g.Run("upload", "--detach", g.Media)
	if res.Code != tasks.ExitOK || !strings.Contains(res.Err, "Redis can't be reached") || !strings.Contains(res.Err, "3 submitted as batch") {
		t.Fatalf("exit %d: %s", res.Code, res.Err)
	}
	if res := g.Run("upload", g.Media); res.Code != tasks.ExitError {
		t.Errorf("one that follows exits %d, want %d: %s", res.Code, tasks.ExitError, res.Err)
	}
	r.Restart()
	g.Start("worker")
	allSucceeded(t, g.Ledger(), 3)
}
