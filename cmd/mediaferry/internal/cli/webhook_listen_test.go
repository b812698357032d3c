package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestWebhookListenPrintsWhatUploadsTell(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Fill(2, 5000)
	secrets := filepath.Join(g.Dir, "secrets")
	if err := os.WriteFile(secrets, []byte(g.Run("webhook", "secret").Out), 0o600); err != nil {
		t.Fatal(err)
	}
	p := g.Start("webhook", "listen", "--listen", "127.0.0.1:0", "--secret-file", secrets, "--count", "3")
	taskstest.Until(t, "the receiver says where it is", func() bool { return strings.Contains(p.Log.String(), "\n") })
	address, _, _ := strings.Cut(p.Log.String(), "\n")
	if r := g.Run("upload", "--callback", address+"/hook", g.Media); r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s", r.Code, r.Err)
	}
	// What upload had no time to deliver, run does.
	run := g.Start("run")
	<-p.Done
	run.Signal(syscall.SIGTERM)
	if p.Error != nil {
		t.Errorf("listen ended with %v", p.Error)
	}
	out := p.Log.String()
	if strings.Count(out, `{"type":"upload.succeeded"`) != 2 || strings.Count(out, `{"type":"batch.completed"`) != 1 {
		t.Errorf("not every event is printed once:\n%s", out)
	}
	if r := g.Run("webhook", "list", "--state", "delivered", "--output", "json"); strings.Count(r.Out, `"delivered"`) != 3 {
		t.Errorf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
}
