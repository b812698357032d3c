package cli_test

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestDemo(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	r := g.Run("demo")
	if r.Code != tasks.ExitOK {
		t.Fatalf("exit code %d\n%s%s", r.Code, r.Out, r.Err)
	}
	for _, want := range []string{"landscape.jpg", "greeting.mp3", "note.amr", "clip.mp4", "failed corrupt", "(reused)", "valid signatures"} {
		if !strings.Contains(r.Out, want) {
			t.Errorf("%q is not in the output:\n%s", want, r.Out)
		}
	}
}
