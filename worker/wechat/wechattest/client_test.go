package wechattest_test

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest/npmtest"
)

// run runs a program.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(taskstest.Context(t), taskstest.Tool(t, name), args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, stderrOf(err))
	}
	return string(out)
}

func stderrOf(err error) []byte {
	var e *exec.ExitError
	if !errors.As(err, &e) {
		return nil
	}
	return e.Stderr
}

// The command of WeChat's own document, with nothing but the host changed.
func TestCurlAsInTheDocument(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	target := srv.URL + "/cgi-bin/media/upload?access_token=" + srv.Token(wechattest.DefaultAppID) + "&type=image"
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	jpg := sample(t, "photo.jpg")
	large := pad(jpg, 5<<20) // so large that curl asks first: Expect: 100-continue
	write("test.jpg", jpg)
	write("large.jpg", large)
	write("照片.jpg", jpg)
	write("test.txt", "hello")
	curl := func(args ...string) reply {
		t.Helper()
		out := run(t, dir, nil, "curl", append([]string{"-sS", "-o", "-"}, args...)...)
		r := reply{body: out}
		_ = json.Unmarshal([]byte(out), &r.json) // nil where it is no JSON: the test will say so
		return r
	}
	for name, want := range map[string]string{"test.jpg": jpg, "large.jpg": large, "照片.jpg": jpg} {
		r := curl("-F", "media=@"+name, target)
		if got, _ := srv.Media(r.text("media_id")); string(got) != want {
			t.Errorf("%s is answered %s", name, r.body)
		}
	}
	for _, tt := range []struct {
		name string
		args []string
		want float64
	}{
		{"a text file", []string{"-F", "media=@test.txt", target}, 40005},
		{"another field", []string{"-F", "file=@test.jpg", target}, 41005},
		{"a field that is no file", []string{"-F", "media=hello", target}, 41005},
		{"the bare bytes", []string{"--data-binary", "@test.jpg", target}, 41005},
		{"another type", []string{"-F", "media=@test.jpg", strings.Replace(target, "type=image", "type=TYPE", 1)}, 40004},
		{"the token of the document", []string{"-F", "media=@test.jpg", srv.URL + "/cgi-bin/media/upload?access_token=ACCESS_TOKEN&type=image"}, 40014},
	} {
		if r := curl(tt.args...); r.json["errcode"] != tt.want {
			t.Errorf("%s is answered %s, want %v", tt.name, r.body, tt.want)
		}
	}
	if r := curl("-w", "%{http_code}", "-H", "Transfer-Encoding: chunked", "-F", "media=@test.jpg", target); r.body != "412" {
		t.Errorf("a chunked form is answered %s, want 412", r.body)
	}
}

func TestCoWechatAPI(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	dir, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	out := npmtest.Run(t, npmtest.Clients, "testdata/client.js", srv.URL, wechattest.DefaultAppID, wechattest.DefaultSecret, dir)

	type result struct {
		Name         string
		Type         string
		MediaID      string `json:"media_id"`
		ThumbMediaID string `json:"thumb_media_id"`
		SHA256       string
		Code         any
	}
	got := linesOf[result](t, out)
	id := cmp.FilterPath(func(p cmp.Path) bool { return strings.HasSuffix(p.Last().String(), "MediaID") },
		cmp.Comparer(func(a, b string) bool { return (a == "") == (b == "") }))
	want := []result{
		{Name: "image", Type: "image", MediaID: "…"},
		{Name: "voice", Type: "voice", MediaID: "…"},
		{Name: "video", Type: "video", MediaID: "…"},
		{Name: "thumb", Type: "thumb", ThumbMediaID: "…"},
		{Name: "chinese", Type: "image", MediaID: "…"},
		{Name: "buffer", MediaID: "…", SHA256: hashOf(sample(t, "shot.png"))},
		{Name: "wrong type", Code: 40005.0},
		{Name: "no such media", Code: 40007.0},
	}
	if diff := cmp.Diff(want, got, id); diff != "" {
		t.Errorf("co-wechat-api (-want +got):\n%s", diff)
	}
	wantCalls := []wechattest.Call{
		{Path: "/cgi-bin/token"},
		{Path: "/cgi-bin/media/upload", Type: "image", Filename: "photo.jpg", SHA256: hashOf(sample(t, "photo.jpg"))},
		{Path: "/cgi-bin/media/upload", Type: "voice", Filename: "tone.amr", SHA256: hashOf(sample(t, "tone.amr"))},
		{Path: "/cgi-bin/media/upload", Type: "video", Filename: "clip.mp4", SHA256: hashOf(sample(t, "clip.mp4"))},
		{Path: "/cgi-bin/media/upload", Type: "thumb", Filename: "photo.jpg", SHA256: hashOf(sample(t, "photo.jpg"))},
		{Path: "/cgi-bin/media/upload", Type: "image", Filename: "照片.jpg", SHA256: hashOf(sample(t, "photo.jpg"))},
		{Path: "/cgi-bin/media/upload", Type: "image", Filename: "shot.png", SHA256: hashOf(sample(t, "shot.png"))},
		{Path: "/cgi-bin/media/get"},
		{Path: "/cgi-bin/media/upload", Type: "video", Filename: "photo.jpg", SHA256: hashOf(sample(t, "photo.jpg")), Errcode: 40005},
		{Path: "/cgi-bin/media/get", Errcode: 40007},
	}
	rest := cmpopts.IgnoreFields(wechattest.Call{}, "Time", "Method", "AppID", "Token", "Size", "Reason", "Status", "MediaID")
	if diff := cmp.Diff(wantCalls, srv.Calls(), rest); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
}
