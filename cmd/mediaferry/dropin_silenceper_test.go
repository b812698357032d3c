package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// The usual client for Go, which has WeChat's host written into it: its transport leads elsewhere, and nothing else is changed.
// It uploads, reads back and sends; WeChat retires the account's token meanwhile, and then the client's own is retired.
func TestDropInWithSilenceperWechat(t *testing.T) {
	taskstest.Full(t) // it is compiled with all it needs; the other clients say the same each time
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Set("MEDIAFERRY_PASSTHROUGH", "message/custom/send")
	s := g.Serve()
	program := filepath.Join(t.TempDir(), "silenceper")
	build := exec.CommandContext(taskstest.Context(t), taskstest.Tool(t, "go"), "build", "-trimpath", "-o", program, ".")
	build.Dir = filepath.Join("testdata", "silenceper")
	build.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run := exec.CommandContext(taskstest.Context(t), program, s.URL, "local", s.Key, samples(t), s.Sandbox.URL+"/_sandbox/revoke")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	want := strings.Join([]string{
		"image image true false", "voice voice true false", "video video true false", "thumb thumb false true",
		"download " + hashOf(t, "shot.png"), "no such media 40007", "wrong type 40005", "sent ok",
		"sent after the account's token was retired ok", "with a token that is retired 40001", "with a new one image true false",
		"not granted 48001", "wrong secret 40125", "",
	}, "\n")
	if diff := cmp.Diff(want, string(out)); diff != "" {
		t.Error(diff)
	}
}
