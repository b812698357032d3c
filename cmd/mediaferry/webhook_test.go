package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestWebhookListenPrintsWhatUploadsTell(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	g.fill(2, 5000)
	secrets := filepath.Join(g.dir, "secrets")
	if err := os.WriteFile(secrets, []byte(g.run("webhook", "secret").out), 0o600); err != nil {
		t.Fatal(err)
	}
	p := g.start("webhook", "listen", "--listen", "127.0.0.1:0", "--secret-file", secrets, "--count", "3")
	taskstest.Until(t, "the receiver says where it is", func() bool { return strings.Contains(p.log.String(), "\n") })
	address, _, _ := strings.Cut(p.log.String(), "\n")
	if r := g.run("upload", "--callback", address+"/hook", g.media); r.code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.code, r.err)
	}
	// What upload had no time to deliver, run does.
	run := g.start("run")
	<-p.done
	run.signal(syscall.SIGTERM)
	if p.err != nil {
		t.Errorf("listen ended with %v", p.err)
	}
	out := p.log.String()
	if strings.Count(out, `{"type":"upload.succeeded"`) != 2 || strings.Count(out, `{"type":"batch.completed"`) != 1 {
		t.Errorf("not every event is printed once:\n%s", out)
	}
	if r := g.run("webhook", "list", "--state", "delivered", "--output", "json"); strings.Count(r.out, `"delivered"`) != 3 {
		t.Errorf("exit code %d\n%s%s", r.code, r.out, r.err)
	}
}

// A rotation takes effect in a process that runs: both secrets sign from the next webhook on, and then the new one alone.
func TestWebhookRotationReachesARunningProcess(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	type request struct {
		header http.Header
		body   []byte
	}
	came := make(chan request, 100)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			came <- request{r.Header, body}
		}
	}))
	t.Cleanup(receiver.Close)
	g.start("run")
	taskstest.Until(t, "the owner has the data dir", g.owned)
	secret := func(args ...string) tasks.Secret {
		r := g.run(append([]string{"webhook"}, args...)...)
		if r.code != tasks.ExitOK {
			t.Fatal(r.err)
		}
		return tasks.Secret(strings.TrimSpace(r.out))
	}
	files := 0
	signedBy := func(s tasks.Secret, r request) bool {
		return webhook.Verify(r.header, r.body, []tasks.Secret{s}, time.Now()) == nil
	}
	next := func() request {
		files++
		g.write("next.jpg", mediatest.Distinct(files, tasks.Image, 3000+files))
		if r := g.run("upload", "--callback", receiver.URL, filepath.Join(g.media, "next.jpg")); r.code != tasks.ExitOK {
			t.Fatal(r.err)
		}
		r := <-came
		<-came // of the two events of an upload, one is enough
		return r
	}

	first := secret("secret")
	if r := next(); !signedBy(first, r) {
		t.Error("before the rotation the secret does not sign")
	}
	second := secret("rotate")
	if r := next(); !signedBy(first, r) || !signedBy(second, r) {
		t.Errorf("during the rotation both do not sign: %v", r.header)
	}
	secret("rotate", "--finish")
	if r := next(); signedBy(first, r) || !signedBy(second, r) {
		t.Errorf("after the rotation the new one does not sign alone: %v", r.header)
	}
}

func TestWebhookVerify(t *testing.T) {
	t.Parallel()
	g := newGround(t, wechattest.Config{})
	secret := tasks.Secret(strings.TrimSpace(g.run("webhook", "secret").out))
	body := []byte("{\"type\":\"upload.succeeded\"}\n")
	for _, tc := range []struct {
		name string
		at   time.Time
		code int
		want string
	}{
		{"fresh", time.Now(), tasks.ExitOK, "good: webhook msg_1"},
		{"old", time.Now().Add(-time.Hour), tasks.ExitFailed, "the signature is good, but its time is more than 5m0s away"},
	} {
		header, err := webhook.Sign("msg_1", tc.at, body, secret)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(g.dir, tc.name)
		if err := os.WriteFile(path, request(header, body), 0o600); err != nil {
			t.Fatal(err)
		}
		if r := g.run("webhook", "verify", path); r.code != tc.code || !strings.Contains(r.out, tc.want) {
			t.Errorf("%s: exit code %d\n%s%s", tc.name, r.code, r.out, r.err)
		}
	}
}

// request is a request as a receiver may have kept it.
func request(h http.Header, body []byte) []byte {
	var b strings.Builder
	fmt.Fprint(&b, "POST /hook HTTP/1.1\r\nHost: shop.example\r\n")
	_ = h.Write(&b) // to memory
	fmt.Fprintf(&b, "\r\n%s", body)
	return []byte(b.String())
}
