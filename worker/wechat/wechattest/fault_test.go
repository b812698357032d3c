package wechattest_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	jpg := sample(t, "photo.jpg")
	const page = "<html>"
	for _, tt := range []struct {
		fault  wechattest.Fault
		stored bool
		name   string // in the journal
		want   func(reply) bool
	}{
		{wechattest.Fault{Errcode: -1}, false, "errcode -1", func(r reply) bool {
			return r.json["errcode"] == -1.0 && ridAtEnd.MatchString(r.text("errmsg"))
		}},
		{wechattest.Fault{Errcode: 45009, Errmsg: "enough"}, false, "errcode 45009", func(r reply) bool {
			return r.json["errcode"] == 45009.0 && strings.HasPrefix(r.text("errmsg"), "enough rid: ")
		}},
		{wechattest.Fault{Errcode: 99999}, false, "errcode 99999", func(r reply) bool { return r.json["errcode"] == 99999.0 }},
		{wechattest.Fault{Kind: wechattest.HTML502}, false, "html_502", func(r reply) bool {
			return r.status == 502 && r.contentType == "text/html" && strings.HasPrefix(r.body, page)
		}},
		{wechattest.Fault{Kind: wechattest.HTML200}, false, "html_200", func(r reply) bool {
			return r.status == 200 && r.contentType == "text/html" && strings.HasPrefix(r.body, page)
		}},
		{wechattest.Fault{Kind: wechattest.Status, Status: 429}, false, "status", func(r reply) bool { return r.status == 429 && r.body == "" }},
		{wechattest.Fault{Kind: wechattest.Empty}, false, "empty", func(r reply) bool { return r.status == 200 && r.body == "" }},
		{wechattest.Fault{Kind: wechattest.ResetBefore}, false, "reset_before", func(r reply) bool { return r.status == 0 }},
		{wechattest.Fault{Kind: wechattest.ResetAfter}, true, "reset_after", func(r reply) bool { return r.status == 0 }},
		{wechattest.Fault{Kind: wechattest.RevokeToken}, false, "revoke", func(r reply) bool { return r.json["errcode"] == 40001.0 }},
		{wechattest.Fault{Delay: time.Millisecond}, true, "slow", func(r reply) bool { return r.text("media_id") != "" }},
		{wechattest.Fault{Kind: wechattest.StringCreated}, true, "string_created", func(r reply) bool {
			return len(r.text("created_at")) == 10 && r.text("media_id") != ""
		}},
		{wechattest.Fault{Kind: wechattest.NoMediaID}, true, "no_media_id", func(r reply) bool {
			return r.text("type") == "image" && r.json["media_id"] == nil
		}},
		{wechattest.Fault{Kind: wechattest.BOM}, true, "bom", func(r reply) bool { return strings.HasPrefix(r.body, "\ufeff{") }},
		{wechattest.Fault{Kind: wechattest.ControlChars}, true, "control_chars", func(r reply) bool {
			return strings.HasPrefix(r.body, "\x00\x1f{") && strings.HasSuffix(r.body, "}\x00\x0b")
		}},
		{wechattest.Fault{Kind: wechattest.Cut}, true, "cut", func(r reply) bool {
			return strings.HasPrefix(r.body, `{"type":"image"`) && !strings.HasSuffix(r.body, "}")
		}},
		{wechattest.Fault{Kind: wechattest.OKErrcode}, true, "ok_with_errcode", func(r reply) bool {
			return r.json["errcode"] == 0.0 && r.text("errmsg") == "ok" && r.text("media_id") != ""
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			srv := wechattest.NewServer(t, wechattest.Config{})
			srv.Script(tt.fault)
			if r := upload(t, srv, srv.Token(wechattest.DefaultAppID), "image", "a.jpg", jpg); !tt.want(r) {
				t.Errorf("answered %+v", r)
			}
			calls := srv.Calls()
			if len(calls) != 1 || calls[0].Fault != tt.name || (calls[0].MediaID != "") != tt.stored || calls[0].AppID != wechattest.DefaultAppID && tt.name != "reset_before" {
				t.Errorf("journal says %+v, want the fault and stored %v", calls, tt.stored)
			}
			if r := upload(t, srv, srv.Token(wechattest.DefaultAppID), "image", "a.jpg", jpg); r.text("media_id") == "" {
				t.Errorf("the next one is answered %+v", r)
			}
		})
	}
}

func TestFaultsOfAThumb(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	srv.Script(wechattest.Fault{Kind: wechattest.NoMediaID})
	r := upload(t, srv, srv.Token(wechattest.DefaultAppID), "thumb", "a.jpg", sample(t, "photo.jpg"))
	if r.json["thumb_media_id"] != nil || r.text("type") != "thumb" {
		t.Errorf("answered %+v", r)
	}
}

// Nothing is spoiled into a success: a refusal stays one.
func TestFaultsOfARefusal(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	for _, kind := range []wechattest.Kind{wechattest.OKErrcode, wechattest.StringCreated, wechattest.NoMediaID} {
		srv.Script(wechattest.Fault{Kind: kind})
		wantErrcode(t, upload(t, srv, srv.Token(wechattest.DefaultAppID), "image", "phpsNnmJN", sample(t, "photo.jpg")), 40005)
	}
}

// A script is followed in order, and each fault waits for a call of its path.
func TestScript(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	srv.Script(
		wechattest.Fault{Path: "media/upload", Errcode: 1, Times: 2},
		wechattest.Fault{Errcode: 2},
		wechattest.Fault{Path: "/cgi-bin/token", Errcode: 3},
	)
	code := func(r reply) float64 { c, _ := r.json["errcode"].(float64); return c }
	jpg := sample(t, "photo.jpg")
	up := func() float64 {
		return code(upload(t, srv, srv.Token(wechattest.DefaultAppID), "image", "a.jpg", jpg))
	}
	stable := func() float64 {
		return code(raw(t, srv, stableRequest(wechattest.DefaultAppID, wechattest.DefaultSecret, false)))
	}
	token := func() float64 {
		return code(raw(t, srv, get(tokenPath(wechattest.DefaultAppID, wechattest.DefaultSecret))))
	}
	if n := srv.Pending(); n != 4 {
		t.Errorf("%d answers pending, want 4", n)
	}
	got := []float64{up(), stable(), stable(), up(), up(), token(), token()}
	if diff := cmp.Diff([]float64{1, 2, 0, 1, 0, 3, 0}, got); diff != "" {
		t.Errorf("errcodes (-want +got):\n%s", diff)
	}
	if n := srv.Pending(); n != 0 {
		t.Errorf("%d answers pending, want 0", n)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	met := func(seed int64) int {
		srv := wechattest.NewServer(t, wechattest.Config{Seed: seed, Drain: true})
		token := srv.Token(wechattest.DefaultAppID)
		fault := wechattest.Fault{Path: "media/upload", Errcode: -1}
		srv.Rate(fault, 1)
		wantErrcode(t, upload(t, srv, token, "image", "a.jpg", "bytes!"), -1)
		wantGood(t, srv, token)
		srv.Rate(fault, 0.25)
		n := 0
		keep := dial(t, srv)
		request := post(uploadPath(token, "image"), contentType, opening("a.jpg")+"bytes!"+closing)
		for range 1000 {
			if keep(request).json["errcode"] == -1.0 {
				n++
			}
		}
		srv.Rate(fault, 0)
		for range 50 {
			if keep(request).json["errcode"] != nil {
				t.Fatal("a fault of rate 0 came")
			}
		}
		return n
	}
	n := met(42)
	if n < 190 || n > 310 {
		t.Errorf("%d of 1,000 calls met a fault of rate 0.25", n)
	}
	if again := met(42); again != n {
		t.Errorf("the same seed gave %d faults, then %d", n, again)
	}
}

func TestFaultsThatMakeNoSensePanic(t *testing.T) {
	t.Parallel()
	s := wechattest.New(wechattest.Config{})
	for name, f := range map[string]func(){
		"unknown kind":            func() { s.Script(wechattest.Fault{Kind: "nonsense"}) },
		"errcode without errcode": func() { s.Script(wechattest.Fault{Kind: wechattest.Errcode}) },
		"status without status":   func() { s.Script(wechattest.Fault{Kind: wechattest.Status}) },
		"nothing at all":          func() { s.Script(wechattest.Fault{}) },
		"share over 1":            func() { s.Rate(wechattest.Fault{Errcode: -1}, 1.5) },
		"share under 0":           func() { s.Rate(wechattest.Fault{Errcode: -1}, -0.5) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("it was taken")
				}
			}()
			f()
		})
	}
}

// A slow answer comes late, but the call has taken effect: a client that gives up has uploaded all the same.
func TestAClientThatGivesUpOnASlowAnswer(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	srv.Script(wechattest.Fault{Delay: time.Hour})
	halfSent(t, srv, post(uploadPath(srv.Token(wechattest.DefaultAppID), "image"), contentType, opening("a.jpg")+sample(t, "photo.jpg")+closing))
	calls := srv.Calls()
	if len(calls) != 1 || calls[0].MediaID == "" {
		t.Errorf("journal says %+v", calls)
	}
}

// Where a connection can't be taken over, net/http itself is asked to break it off.
func TestResetWithoutAConnection(t *testing.T) {
	t.Parallel()
	s := wechattest.New(wechattest.Config{})
	s.Script(wechattest.Fault{Kind: wechattest.ResetBefore})
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/cgi-bin/token", nil))
}

// Resets reach a client as such, not as the end of a connection.
func TestResets(t *testing.T) {
	t.Parallel()
	for _, kind := range []wechattest.Kind{wechattest.ResetBefore, wechattest.ResetAfter} {
		srv := wechattest.NewServer(t, wechattest.Config{})
		srv.Script(wechattest.Fault{Kind: kind})
		conn, err := net.Dial("tcp", strings.TrimPrefix(srv.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, get("/cgi-bin/token")); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s ended with %v, want a reset", kind, err)
		}
		conn.Close()
	}
}

func TestResetsOverTLS(t *testing.T) {
	t.Parallel()
	sandbox := wechattest.New(wechattest.Config{})
	srv := newTLS(t, sandbox)
	sandbox.Script(wechattest.Fault{Kind: wechattest.ResetAfter})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.URL+"/cgi-bin/stable_token", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("ended with %v, want a reset", err)
	}
}
