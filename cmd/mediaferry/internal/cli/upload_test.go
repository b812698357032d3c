package cli_test

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestUploadFolder(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	samples := mediatest.Samples()[:6] // thumbs are never guessed
	for _, s := range samples {
		g.Write(s.Name, s.Bytes)
	}
	g.Write(".hidden.jpg", samples[0].Bytes)
	r := g.Run("upload", "--output", "json", g.Media)
	if r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	outcomes := g.Outcomes(r.Out)
	if len(outcomes) != len(samples) {
		t.Fatalf("%d outcomes for %d files", len(outcomes), len(samples))
	}
	want := map[string]mediatest.Sample{}
	for _, s := range samples {
		want[s.Name] = s
	}
	for _, o := range outcomes {
		s := want[o.Filename]
		got, ok := g.Sandbox.Media(o.MediaID)
		if o.State != tasks.Succeeded || o.Type != s.Type || !ok || string(got) != string(s.Bytes) {
			t.Errorf("%s: %s as %s (%s), its bytes at WeChat: %v", o.Filename, o.State, o.Type, o.Reason, ok)
		}
		if o.SHA256 != tasks.HashOf(s.Bytes).String() || o.Size != int64(len(s.Bytes)) || o.ExpiresAt.IsZero() || o.Producer != "local" {
			t.Errorf("%s: the outcome is not whole: %+v", o.Filename, o)
		}
	}

	again := g.Run("upload", "--output", "json", g.Media)
	if again.Code != tasks.ExitOK || len(g.Outcomes(again.Out)) != len(samples) {
		t.Errorf("the same folder again: exit code %d\n%s", again.Code, again.Err)
	}
	if n := g.Sandbox.Count(clitest.UploadPath); n != len(samples) {
		t.Errorf("%d calls for %d files uploaded twice", n, len(samples))
	}
}

func TestUploadWithOneBrokenFile(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Write("good.jpg", mediatest.Distinct(1, tasks.Image, 5000))
	g.Write("broken.jpg", []byte("not a picture"))
	r := g.Run("upload", "--output", "json", g.Media)
	if r.Code != tasks.ExitFailed {
		t.Fatalf("exit code %d, want %d\n%s", r.Code, tasks.ExitFailed, r.Err)
	}
	states := map[string]tasks.Outcome{}
	for _, o := range g.Outcomes(r.Out) {
		states[o.Filename] = o
	}
	if states["good.jpg"].State != tasks.Succeeded {
		t.Errorf("the good file: %+v", states["good.jpg"])
	}
	if b := states["broken.jpg"]; b.State != tasks.Failed || b.Code != tasks.Unsupported || b.Reason == "" || b.Hint == "" {
		t.Errorf("the broken file has no reason: %+v", b)
	}
}

func TestWrongSecretHoldsTheAccount(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(20, 5000)
	g.Set("MEDIAFERRY_WECHAT_SECRET", "not-the-secret")
	r := g.Run("upload", "--output", "json", g.Media)
	if r.Code != tasks.ExitAccount {
		t.Fatalf("exit code %d, want %d\n%s", r.Code, tasks.ExitAccount, r.Err)
	}
	for _, o := range g.Outcomes(r.Out) {
		if o.State != tasks.Waiting || o.Code != tasks.AccountHeld || o.Errcode != 40001 || o.Attempts != 0 {
			t.Fatalf("%s is %s %s after %d attempts", o.Filename, o.State, o.Code, o.Attempts)
		}
	}
	if strings.Contains(r.Out+r.Err, "not-the-secret") {
		t.Error("the secret is in the output")
	}

	g.Set("MEDIAFERRY_WECHAT_SECRET", wechattest.DefaultSecret)
	r = g.Run("upload", "--output", "json", g.Media)
	if r.Code != tasks.ExitOK || len(g.Outcomes(r.Out)) != 20 {
		t.Fatalf("with the right secret: exit code %d\n%s", r.Code, r.Err)
	}
	if n := g.Sandbox.Count(clitest.UploadPath); n != 20 {
		t.Errorf("%d calls for 20 files", n)
	}
}

func TestUploadNothing(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	if r := g.Run("upload", g.Media); r.Code != tasks.ExitNothing {
		t.Errorf("an empty folder: exit code %d, want %d\n%s", r.Code, tasks.ExitNothing, r.Err)
	}
	if r := g.Run("upload", g.Media+"/nowhere.jpg"); r.Code != tasks.ExitFailed || !strings.Contains(r.Err, "no such file") {
		t.Errorf("a path that does not exist: exit code %d\n%s", r.Code, r.Err)
	}
	if r := g.Run("upload"); r.Code != tasks.ExitUsage {
		t.Errorf("no path: exit code %d, want %d", r.Code, tasks.ExitUsage)
	}
	if r := g.Run("upload", "--type", "audio", g.Media); r.Code != tasks.ExitUsage {
		t.Errorf("a wrong type: exit code %d, want %d", r.Code, tasks.ExitUsage)
	}
}

func TestQuotaReached(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, DailyLimit: 3},
	}})
	g.Fill(5, 5000)
	r := g.Run("upload", "--wait", "0s", "--concurrency", "1", "--output", "json", g.Media)
	if r.Code != tasks.ExitQuota {
		t.Fatalf("exit code %d, want %d\n%s", r.Code, tasks.ExitQuota, r.Err)
	}
	counts := map[tasks.State]int{}
	for _, o := range g.Outcomes(r.Out) {
		counts[o.State]++
	}
	if counts[tasks.Succeeded] != 3 || counts[tasks.Waiting] != 2 {
		t.Errorf("outcomes %v, want 3 succeeded and 2 waiting", counts)
	}
}

func TestDryRunCallsNobody(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	same := mediatest.Distinct(1, tasks.Image, 5000)
	g.Write("a.jpg", same)
	g.Write("b.jpg", same)
	g.Write("broken.jpg", []byte("not a picture"))
	r := g.Run("upload", "--dry-run", g.Media)
	if r.Code != tasks.ExitFailed || !strings.Contains(r.Err, "1 would be uploaded, 1 reused, 1 refused") {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	if n := len(g.Sandbox.Calls()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestDetachedUploadIsWorkedOffLater(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(3, 5000)
	if r := g.Run("upload", "--detach", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	if n := len(g.Sandbox.Calls()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
	r := g.Run("upload", "--output", "json", g.Media)
	if r.Code != tasks.ExitOK || len(g.Outcomes(r.Out)) != 3 || g.Sandbox.Count(clitest.UploadPath) != 3 {
		t.Errorf("exit code %d, %d calls\n%s", r.Code, g.Sandbox.Count(clitest.UploadPath), r.Err)
	}
}

// TestLedgerThatCannotBeWritten: who can't even submit exits 1, and says which file it is about.
func TestLedgerThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(1, 3000)
	if r := g.Run("status"); r.Code != tasks.ExitOK {
		t.Fatal(r.Err)
	}
	g.Forge("CREATE TRIGGER full BEFORE INSERT ON uploads BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END")
	r := g.Run("upload", g.Media)
	if r.Code != tasks.ExitError || !strings.Contains(r.Err, "mediaferry: submit: ") || !strings.Contains(r.Err, "disk is full") {
		t.Errorf("exit code %d\n%s", r.Code, r.Err)
	}
	if n := g.Sandbox.Count(clitest.UploadPath); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}
