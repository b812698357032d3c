package cli_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// A rotation takes effect in a process that runs: both secrets sign from the next webhook on, and then the new one alone.
func TestWebhookRotationReachesARunningProcess(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
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
	g.Start("run")
	taskstest.Until(t, "the owner has the data dir", g.Owned)
	secret := func(args ...string) tasks.Secret {
		r := g.Run(append([]string{"webhook"}, args...)...)
		if r.Code != tasks.ExitOK {
			t.Fatal(r.Err)
		}
		return tasks.Secret(strings.TrimSpace(r.Out))
	}
	files := 0
	signedBy := func(s tasks.Secret, r request) bool {
		return webhook.Verify(r.header, r.body, []tasks.Secret{s}, time.Now()) == nil
	}
	next := func() request {
		files++
		g.Write("next.jpg", mediatest.Distinct(files, tasks.Image, 3000+files))
		if r := g.Run("upload", "--callback", receiver.URL, filepath.Join(g.Media, "next.jpg")); r.Code != tasks.ExitOK {
			t.Fatal(r.Err)
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
