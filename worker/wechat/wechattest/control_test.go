package wechattest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func control(t *testing.T, srv *wechattest.Server, method, path, body string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/_sandbox/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return replyOf(t, resp)
}

// linesOf decodes JSON lines.
func linesOf[T any](t *testing.T, s string) (out []T) {
	t.Helper()
	for line := range strings.Lines(s) {
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		out = append(out, v)
	}
	return out
}

func TestControlFaults(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	r := control(t, srv, "POST", "faults", `{"kind":"errcode","errcode":-1,"path":"media/get","times":2}`)
	if r.json["pending"] != 2.0 {
		t.Fatalf("answered %+v", r)
	}
	control(t, srv, "POST", "faults", ` [{"errcode":45011}, {"kind":"slow","delay":"1ms"}]`)
	if r := control(t, srv, "GET", "faults", ""); r.json["pending"] != 4.0 {
		t.Errorf("pending is answered %+v", r)
	}
	wantBad(t, srv, token, -1)
	wantBad(t, srv, token, -1)
	wantBad(t, srv, token, 45011)
	wantGood(t, srv, token)
	control(t, srv, "POST", "faults", `[{"errcode":-1,"share":1},{"errcode":-2}]`)
	wantBad(t, srv, token, -2)
	wantBad(t, srv, token, -1)
	wantBad(t, srv, token, -1)
	control(t, srv, "DELETE", "faults", "")
	wantGood(t, srv, token)
}

func TestControlClockAndRevoke(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{}))
	token := srv.Token(wechattest.DefaultAppID)
	if r := control(t, srv, "POST", "clock", `{"advance":"2h"}`); r.text("now") != "2026-11-22T10:00:00Z" {
		t.Errorf("answered %+v", r)
	}
	if r := control(t, srv, "GET", "clock", ""); r.text("now") != "2026-11-22T10:00:00Z" {
		t.Errorf("answered %+v", r)
	}
	wantBad(t, srv, token, 42001)
	for _, body := range []string{`{"appid":"` + wechattest.DefaultAppID + `"}`, `{}`} {
		token = srv.Token(wechattest.DefaultAppID)
		wantGood(t, srv, token)
		control(t, srv, "POST", "revoke", body)
		wantBad(t, srv, token, 40001)
	}
	control(t, srv, "POST", "secret", `{"appid":"`+wechattest.DefaultAppID+`","secret":"new"}`)
	wantErrcode(t, raw(t, srv, get(tokenPath(wechattest.DefaultAppID, wechattest.DefaultSecret))), 40001)
}

func TestControlJournalAndMedia(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{}))
	jpg := sample(t, "photo.jpg")
	token, _ := stableToken(t, srv, false)
	id := upload(t, srv, token, "thumb", "a.jpg", jpg).text("thumb_media_id")

	calls := linesOf[wechattest.Call](t, control(t, srv, "GET", "journal", "").body)
	if diff := cmp.Diff(srv.Calls(), calls); diff != "" || len(calls) != 2 {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	if calls := linesOf[wechattest.Call](t, control(t, srv, "GET", "journal?path=media/upload", "").body); len(calls) != 1 || calls[0].MediaID != id {
		t.Errorf("the journal of media/upload is %+v", calls)
	}
	type medium struct {
		MediaID  string    `json:"media_id"`
		AppID    string    `json:"appid"`
		Type     string    `json:"type"`
		Filename string    `json:"filename"`
		Size     int       `json:"size"`
		Expires  time.Time `json:"expires_at"`
	}
	media := linesOf[medium](t, control(t, srv, "GET", "media", "").body)
	want := []medium{{id, wechattest.DefaultAppID, "thumb", "a.jpg", len(jpg), srv.Now().Add(72 * time.Hour)}}
	if diff := cmp.Diff(want, media); diff != "" {
		t.Errorf("media (-want +got):\n%s", diff)
	}
	if r := control(t, srv, "GET", "media/"+id, ""); r.body != jpg || r.contentType != "image/jpeg" {
		t.Errorf("the media is answered %+v", r)
	}
	srv.Advance(72 * time.Hour)
	if r := control(t, srv, "GET", "media", ""); r.body != "" {
		t.Errorf("expired media are listed: %s", r.body)
	}
	if r := control(t, srv, "GET", "media/"+id, ""); r.status != 400 || !strings.Contains(r.text("error"), "expired") {
		t.Errorf("an expired media is answered %+v", r)
	}
	control(t, srv, "POST", "reset", "")
	if n := srv.Count(""); n != 0 {
		t.Errorf("after a reset %d calls are counted", n)
	}
	if r := control(t, srv, "GET", "", ""); !strings.Contains(r.body, "POST   /_sandbox/faults") {
		t.Errorf("help says %q", r.body)
	}
}

func TestControlRefusesMistakes(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	for _, tt := range []struct{ name, path, body, want string }{
		{"no JSON", "faults", `hello`, "read the JSON"},
		{"nothing", "faults", ``, "read the JSON"},
		{"a number", "faults", `1`, "read the faults"},
		{"a misspelt key", "faults", `{"errcod":1}`, "errcod"},
		{"an unknown kind", "faults", `{"kind":"nonsense"}`, "nonsense"},
		{"the second one wrong", "faults", `[{"errcode":1},{}]`, "fault 2"},
		{"a bad delay", "faults", `{"delay":"soon"}`, "delay"},
		{"a bad share", "faults", `{"errcode":1,"share":2}`, "share"},
		{"too much", "faults", `{"errmsg":"` + strings.Repeat("x", 1<<20) + `"}`, "too large"},
		{"a bad time", "clock", `{"advance":"soon"}`, "advance"},
		{"back in time", "clock", `{"advance":"-1h"}`, "never runs back"},
		{"clock without JSON", "clock", ``, "read the JSON"},
		{"revoke of an unknown account", "revoke", `{"appid":"wx0"}`, "wx0"},
		{"revoke with a misspelt key", "revoke", `{"app":"wx0"}`, `unknown field "app"`},
		{"revoke without JSON", "revoke", ``, "read the JSON"},
		{"secret of an unknown account", "secret", `{"appid":"wx0","secret":"x"}`, "wx0"},
		{"secret without JSON", "secret", ``, "read the JSON"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if r := control(t, srv, "POST", tt.path, tt.body); r.status != 400 || !strings.Contains(r.text("error"), tt.want) {
				t.Errorf("answered %+v, want 400 and %q", r, tt.want)
			}
		})
	}
}

func TestControlIsForThisMachineOnly(t *testing.T) {
	t.Parallel()
	s := wechattest.New(wechattest.Config{})
	for name, change := range map[string]func(*http.Request){
		"another machine":   func(r *http.Request) { r.RemoteAddr = "192.0.2.1:1234" },
		"no address at all": func(r *http.Request) { r.RemoteAddr = "" },
		"a web page":        func(r *http.Request) { r.Header.Set("Origin", "https://example.com") },
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/_sandbox/reset", nil)
		r.RemoteAddr = "127.0.0.1:1234"
		change(r)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s is answered HTTP %d, want 403", name, w.Code)
		}
	}
}
