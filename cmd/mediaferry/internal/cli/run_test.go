package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Who can be reached from elsewhere needs a key; the person at this machine is given one.
func TestFirstKey(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	path := filepath.Join(g.Dir, "data", "api.key")
	g.Set("MEDIAFERRY_LISTEN", "0.0.0.0:0")
	for _, command := range []string{"run", "serve"} {
		if r := g.Run(command); r.Code != tasks.ExitUsage || !strings.Contains(r.Err, "there is no API key") {
			t.Errorf("%s ends with %d: %s", command, r.Code, r.Err)
		}
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a key was made all the same")
	}
	g.Set("MEDIAFERRY_LISTEN", "127.0.0.1:0")
	s := g.Serve()
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	log := s.Process.Log.String()
	if !strings.Contains(log, path) || strings.Contains(log, s.Key) {
		t.Errorf("the log:\n%s", log)
	}
	var page struct{ Uploads []tasks.Outcome }
	if status := s.Ask("GET", "/v1/uploads", "", &page); status != 200 || page.Uploads == nil {
		t.Errorf("the key is answered %d, %+v", status, page)
	}
}
