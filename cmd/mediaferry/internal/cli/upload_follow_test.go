package cli_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const nobody = "no worker is alive on this Redis"

// On a shared Redis somebody else must work: people hear of it when nobody does, once, and when somebody does again.
func TestNobodyWorksOnASharedRedis(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	g.Set("MEDIAFERRY_REDIS_URL", redistest.Start(t).URL())
	g.Set("MEDIAFERRY_TOKEN_KEY", strings.Repeat("0123456789abcdef", 4))
	g.Set("MEDIAFERRY_QUEUE_PREFIX", "ours")

	other := *g // works on the same Redis, for somebody else
	other.Env = append(other.Env[:len(other.Env):len(other.Env)], "MEDIAFERRY_QUEUE_PREFIX=theirs", "MEDIAFERRY_DATA_DIR="+t.TempDir())
	theirs := other.Start("worker")
	theirs.Until(`"ready"`)

	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK || !strings.Contains(r.Err, nobody) {
		t.Errorf("detached: exit code %d\n%s", r.Code, r.Err)
	}
	if r := g.Run("doctor"); r.Code != tasks.ExitFailed || !strings.Contains(r.Out, "none is alive on this Redis") {
		t.Errorf("doctor without a worker: exit code %d\n%s", r.Code, r.Out)
	}
	p := g.Start("upload", "--quiet", g.Media)
	p.Until(nobody)
	worker := g.Start("worker")
	<-p.Done
	if said := p.Log.String(); p.Error != nil || strings.Count(said, nobody) != 1 {
		t.Errorf("followed: %v\n%s", p.Error, said)
	}
	if r := g.Run("doctor"); !strings.Contains(r.Out, "1 at work") {
		t.Errorf("doctor beside a worker: exit code %d\n%s", r.Code, r.Out)
	}

	worker.Signal(syscall.SIGTERM)
	if r := g.Run("retry", "--again", "--detach", "--source", "*.mp3", "--yes"); r.Code != tasks.ExitOK || !strings.Contains(r.Err, nobody) {
		t.Errorf("retried and detached: exit code %d\n%s", r.Code, r.Err)
	}
	p = g.Start("retry", "--again", "--source", "*.mp4", "--yes")
	p.Until(nobody)
	p.Signal(syscall.SIGINT)
	if code := p.ProcessState.ExitCode(); code != tasks.ExitInterrupted || !p.Says("what was submitted is kept, and goes on with mediaferry run or worker\n") {
		t.Errorf("the interrupted retry: exit code %d\n%s", code, p.Log)
	}
	p = g.Start("retry", "--again", "--source", "*.jpg", "--yes")
	p.Until(nobody)
	g.Start("worker")
	taskstest.Until(t, "the retry says that somebody works, or is done", func() bool {
		return p.Says("1 worker is at work now") || p.Ended()
	})
	<-p.Done
	if p.Error != nil {
		t.Errorf("retried: %v\n%s", p.Error, p.Log)
	}
}

// What was submitted is kept when its follower is interrupted, and people are told how it goes on.
func TestInterruptedUploadIsKept(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	g.Set("MEDIAFERRY_WORKER__SHUTDOWN_TIMEOUT", "0s")
	g.Sandbox.Script(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: time.Minute, Times: 3})
	p := g.Start("upload", "--output", "json", g.Media)
	taskstest.Until(t, "uploads are under way", func() bool { return g.Sandbox.Count(clitest.UploadPath) == 3 })
	p.Signal(syscall.SIGINT)
	if code := p.ProcessState.ExitCode(); code != tasks.ExitInterrupted || !p.Says("what was submitted is kept, and goes on with the same command or mediaferry run\n") {
		t.Errorf("exit code %d\n%s", code, p.Log)
	}
	r := g.Run("upload", "--output", "json", g.Media)
	if n := len(g.Outcomes(r.Out)); r.Code != tasks.ExitOK || n != 3 {
		t.Errorf("the same command: exit code %d, %d outcomes\n%s", r.Code, n, r.Err)
	}
	for _, o := range g.Outcomes(r.Out) {
		if o.Attempts != 1 || o.Round != 1 {
			t.Errorf("%s succeeded after %d attempts in round %d, want the first: an interruption is none", o.Filename, o.Attempts, o.Round)
		}
	}
}

// TestFollowSeveralAccounts: an account that is held ends the command only once the others have no more to do.
func TestFollowSeveralAccounts(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret}, {AppID: "wx2", Secret: wechattest.DefaultSecret},
	}})
	g.Fill(6, 5000)
	g.Set("MEDIAFERRY_ACCOUNTS__SECOND__APPID", "wx2")
	g.Set("MEDIAFERRY_ACCOUNTS__SECOND__SECRET", "not-the-secret")
	var rows strings.Builder
	rows.WriteString("path,account\n")
	for i, name := range []string{"000/00000.jpg", "000/00001.mp3", "000/00002.mp4", "000/00003.jpg", "000/00004.mp3", "000/00005.mp4"} {
		rows.WriteString(name + "," + []string{"second", "default"}[i%2] + "\n")
	}
	g.Write("rows.csv", []byte(rows.String()))
	r := g.Run("upload", "--manifest", g.Media+"/rows.csv", "--concurrency", "1", "--output", "json")
	if r.Code != tasks.ExitAccount {
		t.Fatalf("exit code %d, want %d\n%s", r.Code, tasks.ExitAccount, r.Err)
	}
	for i, o := range g.Outcomes(r.Out) {
		want := []tasks.State{tasks.Waiting, tasks.Succeeded}[i%2]
		if o.State != want || o.Account != []string{"second", "default"}[i%2] {
			t.Errorf("row %d of %s is %s, want %s", i, o.Account, o.State, want)
		}
	}
}

// An interrupt is answered at once, with what it waits for, and the summary comes last, as things stand then.
func TestInterruptSpeaksAtOnceAndSummaryComesLast(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	g.Sandbox.Script(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: 2 * time.Second, Times: 3})
	p := g.Start("upload", "--quiet", g.Media)
	l := g.ReadyLedger()
	taskstest.Until(t, "uploads are under way", func() bool {
		status, err := l.Status(t.Context())
		return err == nil && status.Counts[tasks.Running] == 3 && g.Sandbox.Count(clitest.UploadPath) == 3
	})
	p.Signal(syscall.SIGINT)
	said := p.Log.String()
	atOnce, then, found := strings.Cut(said, "interrupt again to end at once\n")
	if !found || !strings.Contains(atOnce, "interrupted: ") || !strings.HasSuffix(then, "3 files: 3 succeeded (0 reused), 0 failed, 0 canceled, 0 open\n") {
		t.Errorf("it said:\n%s", said)
	}
	if code := p.ProcessState.ExitCode(); code != tasks.ExitInterrupted {
		t.Errorf("exit code %d", code)
	}
}
