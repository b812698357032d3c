package main

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const uploadPath = "/cgi-bin/media/upload"

func TestDemo(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	r := g.run("demo")
	if r.code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	for _, want := range []string{"landscape.jpg", "greeting.mp3", "note.amr", "clip.mp4", "failed corrupt", "(reused)", "valid signatures"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("%q is not in the output:\n%s", want, r.out)
		}
	}
}

func TestUploadFolder(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	samples := mediatest.Samples()[:6] // thumbs are never guessed
	for _, s := range samples {
		g.write(s.Name, s.Bytes)
	}
	g.write(".hidden.jpg", samples[0].Bytes)
	r := g.run("upload", "--output", "json", g.media)
	if r.code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	outcomes := g.outcomes(r.out)
	if len(outcomes) != len(samples) {
		t.Fatalf("%d outcomes for %d files", len(outcomes), len(samples))
	}
	want := map[string]mediatest.Sample{}
	for _, s := range samples {
		want[s.Name] = s
	}
	for _, o := range outcomes {
		s := want[o.Filename]
		got, ok := g.sandbox.Media(o.MediaID)
		if o.State != tasks.Succeeded || o.Type != s.Type || !ok || string(got) != string(s.Bytes) {
			t.Errorf("%s: %s as %s (%s), its bytes at WeChat: %v", o.Filename, o.State, o.Type, o.Reason, ok)
		}
		if o.SHA256 != tasks.HashOf(s.Bytes).String() || o.Size != int64(len(s.Bytes)) || o.ExpiresAt.IsZero() || o.Producer != "local" {
			t.Errorf("%s: the outcome is not whole: %+v", o.Filename, o)
		}
	}

	again := g.run("upload", "--output", "json", g.media)
	if again.code != tasks.ExitOK || len(g.outcomes(again.out)) != len(samples) {
		t.Errorf("the same folder again: exit code %d\n%s", again.code, again.err)
	}
	if n := g.sandbox.Count(uploadPath); n != len(samples) {
		t.Errorf("%d calls for %d files uploaded twice", n, len(samples))
	}
}

func TestUploadWithOneBrokenFile(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.write("good.jpg", mediatest.Distinct(1, tasks.Image, 5000))
	g.write("broken.jpg", []byte("not a picture"))
	r := g.run("upload", "--output", "json", g.media)
	if r.code != tasks.ExitFailed {
		t.Fatalf("exit code %d, want %d\n%s", r.code, tasks.ExitFailed, r.err)
	}
	states := map[string]tasks.Outcome{}
	for _, o := range g.outcomes(r.out) {
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
	g := newGround(t, wechattest.Config{})
	g.fill(20, 5000)
	g.set("MEDIAFERRY_WECHAT_SECRET", "not-the-secret")
	r := g.run("upload", "--output", "json", g.media)
	if r.code != tasks.ExitAccount {
		t.Fatalf("exit code %d, want %d\n%s", r.code, tasks.ExitAccount, r.err)
	}
	for _, o := range g.outcomes(r.out) {
		if o.State != tasks.Waiting || o.Code != tasks.AccountHeld || o.Errcode != 40001 || o.Attempts != 0 {
			t.Fatalf("%s is %s %s after %d attempts", o.Filename, o.State, o.Code, o.Attempts)
		}
	}
	if strings.Contains(r.out+r.err, "not-the-secret") {
		t.Error("the secret is in the output")
	}

	g.set("MEDIAFERRY_WECHAT_SECRET", wechattest.DefaultSecret)
	r = g.run("upload", "--output", "json", g.media)
	if r.code != tasks.ExitOK || len(g.outcomes(r.out)) != 20 {
		t.Fatalf("with the right secret: exit code %d\n%s", r.code, r.err)
	}
	if n := g.sandbox.Count(uploadPath); n != 20 {
		t.Errorf("%d calls for 20 files", n)
	}
}

func TestUploadNothing(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	if r := g.run("upload", g.media); r.code != tasks.ExitNothing {
		t.Errorf("an empty folder: exit code %d, want %d\n%s", r.code, tasks.ExitNothing, r.err)
	}
	if r := g.run("upload", g.media+"/nowhere.jpg"); r.code != tasks.ExitFailed || !strings.Contains(r.err, "no such file") {
		t.Errorf("a path that does not exist: exit code %d\n%s", r.code, r.err)
	}
	if r := g.run("upload"); r.code != tasks.ExitUsage {
		t.Errorf("no path: exit code %d, want %d", r.code, tasks.ExitUsage)
	}
	if r := g.run("upload", "--type", "audio", g.media); r.code != tasks.ExitUsage {
		t.Errorf("a wrong type: exit code %d, want %d", r.code, tasks.ExitUsage)
	}
}

func TestQuotaReached(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{Accounts: []wechattest.Account{
		{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, DailyLimit: 3},
	}})
	g.fill(5, 5000)
	r := g.run("upload", "--wait", "0s", "--concurrency", "1", "--output", "json", g.media)
	if r.code != tasks.ExitQuota {
		t.Fatalf("exit code %d, want %d\n%s", r.code, tasks.ExitQuota, r.err)
	}
	counts := map[tasks.State]int{}
	for _, o := range g.outcomes(r.out) {
		counts[o.State]++
	}
	if counts[tasks.Succeeded] != 3 || counts[tasks.Waiting] != 2 {
		t.Errorf("outcomes %v, want 3 succeeded and 2 waiting", counts)
	}
}

func TestDryRunCallsNobody(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	same := mediatest.Distinct(1, tasks.Image, 5000)
	g.write("a.jpg", same)
	g.write("b.jpg", same)
	g.write("broken.jpg", []byte("not a picture"))
	r := g.run("upload", "--dry-run", g.media)
	if r.code != tasks.ExitFailed || !strings.Contains(r.err, "1 would be uploaded, 1 reused, 1 refused") {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if n := len(g.sandbox.Calls()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
}

func TestDetachedUploadIsWorkedOffLater(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(3, 5000)
	if r := g.run("upload", "--detach", g.media); r.code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	if n := len(g.sandbox.Calls()); n != 0 {
		t.Errorf("%d calls were made", n)
	}
	r := g.run("upload", "--output", "json", g.media)
	if r.code != tasks.ExitOK || len(g.outcomes(r.out)) != 3 || g.sandbox.Count(uploadPath) != 3 {
		t.Errorf("exit code %d, %d calls\n%s", r.code, g.sandbox.Count(uploadPath), r.err)
	}
}
