package main

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest/npmtest"
)

// samples are small files of every media type, as a folder.
func samples(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../worker/wechat/wechattest/testdata")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The command of WeChat's own document, with nothing but the host changed, answered with what WeChat itself issued.
func TestDropInWithCurl(t *testing.T) {
	t.Parallel()
	s := clitest.New(t, wechattest.Config{}).Serve()
	jpg, err := os.ReadFile(filepath.Join(samples(t), "photo.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "test.jpg"), jpg, 0o600); err != nil {
		t.Fatal(err)
	}
	token := s.Token()
	curl := func(target string) map[string]any {
		t.Helper()
		cmd := exec.CommandContext(taskstest.Context(t), taskstest.Tool(t, "curl"), "-sS", "-F", "media=@test.jpg", target)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var v map[string]any
		if err := json.Unmarshal(out, &v); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return v
	}
	target := s.URL + "/cgi-bin/media/upload?access_token=" + token + "&type=image"
	first := curl(target)
	id, _ := first["media_id"].(string)
	if got, _ := s.Sandbox.Media(id); string(got) != string(jpg) || first["type"] != "image" || first["created_at"].(float64) < 1e9 {
		t.Errorf("it is answered %v", first)
	}
	if diff := cmp.Diff(first, curl(target)); diff != "" { // reused, and so the same
		t.Error(diff)
	}
	for target, want := range map[string]float64{
		strings.Replace(target, "type=image", "type=TYPE", 1):                 40004,
		strings.Replace(target, "type=image", "type=video", 1):                40005,
		s.URL + "/cgi-bin/media/upload?access_token=ACCESS_TOKEN&type=image":  40001,
		s.URL + "/cgi-bin/media/upload?access_token=" + s.Key + "&type=image": 40001,
		s.URL + "/cgi-bin/media/upload?type=image":                            41001,
		s.URL + "/cgi-bin/media/uploadimg?access_token=" + token:              48001,
		strings.Replace(target, token, strings.ToLower(token), 1):             40001,
		strings.Replace(target, token, token[:20]+"AAAA"+token[24:], 1):       40001,
		strings.Replace(target, "&type=image", "", 1):                         40004,
	} {
		if got := curl(target); got["errcode"] != want {
			t.Errorf("%s is answered %v, want %v", target, got, want)
		}
	}
	if log := s.Process.Log.String(); strings.Contains(log, s.Key) || strings.Contains(log, token) {
		t.Error("the log has a secret")
	}
	if left := inboxFiles(t, s.Ground); len(left) == 0 {
		t.Error("there is no inbox") // until the next sweep the files are there
	}
}

func inboxFiles(t *testing.T, g *clitest.Ground) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(g.Dir, "data", "inbox", "*", "local", "*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A client that knows WeChat only, with nothing but its base URL changed.
func TestDropInWithCoWechatAPI(t *testing.T) {
	t.Parallel()
	s := clitest.New(t, wechattest.Config{}).Serve()
	out := npmtest.Run(t, npmtest.Clients, filepath.Join(samples(t), "client.js"), s.URL, "local", s.Key, samples(t))
	type result struct {
		Name, Type   string
		MediaID      string `json:"media_id"`
		ThumbMediaID string `json:"thumb_media_id"`
		SHA256       string
		Code         any
	}
	var got []result
	d := json.NewDecoder(strings.NewReader(out))
	for d.More() {
		var r result
		if err := d.Decode(&r); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, id := range []*string{&r.MediaID, &r.ThumbMediaID} {
			if *id != "" {
				if _, known := s.Sandbox.Media(*id); !known {
					t.Errorf("%s: WeChat never issued %s", r.Name, *id)
				}
				*id = "…"
			}
		}
		got = append(got, r)
	}
	want := []result{
		{Name: "image", Type: "image", MediaID: "…"},
		{Name: "voice", Type: "voice", MediaID: "…"},
		{Name: "video", Type: "video", MediaID: "…"},
		{Name: "thumb", Type: "thumb", ThumbMediaID: "…"},
		{Name: "chinese", Type: "image", MediaID: "…"},
		{Name: "buffer", MediaID: "…", SHA256: hashOf(t, "shot.png")},
		{Name: "wrong type", Code: 40005.0},
		{Name: "no such media", Code: 40007.0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Another client that knows WeChat only: it compares media types letter by letter. It uploads, reads back and sends, starts with a
// token that is retired, and WeChat retires the account's meanwhile.
func TestDropInWithWechatAPI(t *testing.T) {
	t.Parallel()
	g := clitest.New(t, wechattest.Config{})
	g.Set("MEDIAFERRY_PASSTHROUGH", "message/custom/send")
	s := g.Serve()
	program, err := filepath.Abs("testdata/wechat-api.js")
	if err != nil {
		t.Fatal(err)
	}
	out := npmtest.Run(t, npmtest.Clients, program, s.URL, "local", s.Key, samples(t), s.Sandbox.URL+"/_sandbox/revoke")
	want := strings.Join([]string{
		"image image media_id", "voice voice media_id", "video video media_id", "thumb thumb thumb_media_id",
		"download " + hashOf(t, "shot.png"), "video_url string", "sent ok", "sent after the account's token was retired ok",
		"wrong type 40005", "no such media WeChatAPIError", "not granted 48001", "wrong secret 40125", "",
	}, "\n")
	if diff := cmp.Diff(want, out); diff != "" {
		t.Error(diff)
	}
}

// hashOf is the hash of a sample.
func hashOf(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(samples(t), name))
	if err != nil {
		t.Fatal(err)
	}
	return tasks.HashOf(b).String()
}

// A producer without shared storage sends the bytes, and its upload finds them.
func TestFilesOverHTTP(t *testing.T) {
	t.Parallel()
	s := clitest.New(t, wechattest.Config{}).Serve()
	jpg, err := os.ReadFile(filepath.Join(samples(t), "photo.jpg"))
	if err != nil {
		t.Fatal(err)
	}
	form := "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"封面.jpg\"\r\n\r\n" + string(jpg) + "\r\n--B--\r\n"
	req, err := http.NewRequestWithContext(t.Context(), "POST", s.URL+"/v1/files", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.Key)
	req.Header.Set("Content-Type", "multipart/form-data; boundary=B")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var sent struct{ Files []struct{ Source string } }
	if err := json.NewDecoder(res.Body).Decode(&sent); err != nil || len(sent.Files) != 1 {
		t.Fatalf("%s: %+v, %v", res.Status, sent, err)
	}
	var o tasks.Outcome
	status := s.Ask("POST", "/v1/media", `{"type":"image","source":"`+sent.Files[0].Source+`"}`, &o)
	if got, _ := s.Sandbox.Media(o.MediaID); status != 200 || o.State != tasks.Succeeded || o.Filename != "封面.jpg" || string(got) != string(jpg) {
		t.Errorf("%d %+v", status, o)
	}
}

// A caller that waits for its media gets it over a real connection also where WeChat takes longer than it took to read the
// request, which has limits of its own.
func TestMediaOfASlowWeChat(t *testing.T) {
	t.Parallel()
	delays := map[string]time.Duration{"7 s": 7 * time.Second}
	if taskstest.Size(10) == 10 {
		delays["35 s"] = 35 * time.Second
	}
	for name, delay := range delays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := clitest.New(t, wechattest.Config{})
			g.Write("a.jpg", mediatest.Distinct(1, tasks.Image, 3000))
			s := g.Serve()
			s.Sandbox.Script(wechattest.Fault{Path: clitest.UploadPath, Delay: delay})
			var o tasks.Outcome
			status := s.Ask("POST", "/v1/media", `{"type":"image","source":"a.jpg"}`, &o)
			if _, known := s.Sandbox.Media(o.MediaID); status != http.StatusOK || !known || o.Attempts != 1 {
				t.Errorf("it is answered %d %+v", status, o)
			}
		})
	}
}
