package wechat_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const sendPath = "/cgi-bin/message/custom/send"

// call is a program's own call, with a token that WeChat never gave.
func call(t *testing.T, method, target string, body io.Reader) *http.Request {
	t.Helper()
	return httptest.NewRequestWithContext(t.Context(), method, target, body)
}

// relayed is an answer that was passed back, read to its end.
type relayed struct {
	status int
	header http.Header
	body   string
}

func relay(t *testing.T, c *wechat.Client, r *http.Request) (relayed, error) {
	t.Helper()
	res, err := c.Relay(r.Context(), "main", r)
	if err != nil {
		return relayed{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return relayed{res.StatusCode, res.Header, string(body)}, err
}

// What an application sends with a media_id goes through, also when the token was retired meanwhile.
func TestRelayToTheSandbox(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	m, err := upload(t, c)
	if err != nil {
		t.Fatal(err)
	}
	send := func() *http.Request {
		return call(t, "POST", sendPath+"?access_token=ours", strings.NewReader(`{"touser":"o1","msgtype":"image","image":{"media_id":"`+m.ID+`"}}`))
	}
	for _, step := range []string{"first", "the token is retired"} {
		got, err := relay(t, c, send())
		if err != nil || got.status != http.StatusOK || got.body != `{"errcode":0,"errmsg":"ok"}` {
			t.Errorf("%s: %+v, %v", step, got, err)
		}
		if step == "first" {
			srv.Revoke(wechattest.DefaultAppID)
		}
	}
	if n := srv.Count(sendPath); n != 3 {
		t.Errorf("%d calls, want 3: one of them was refused", n)
	}
	got, err := relay(t, c, call(t, "GET", "/cgi-bin/media/get?media_id="+m.ID+"&access_token=ours", nil))
	if err != nil || got.body != string(payload().Body) || got.header.Get("Content-Type") != "image/jpeg" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("media/get: %+v, %v", got, err)
	}
	if got, err := relay(t, c, call(t, "GET", "/cgi-bin/media/get?media_id=none", nil)); err != nil || !strings.Contains(got.body, `"errcode":40007`) {
		t.Errorf("an errcode that is not about the token: %+v, %v", got, err)
	}
}

// A body that is too large to be kept is sent once. The token that was refused with it is replaced for the next call.
func TestRelaySendsLargeBodiesOnce(t *testing.T) {
	t.Parallel()
	var bodies []int64
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		bodies = append(bodies, n, r.ContentLength)
		if r.URL.Query().Get("access_token") == "TOKEN-1" {
			fmt.Fprint(w, `{"errcode":42001,"errmsg":"access_token expired"}`)
			return
		}
		fmt.Fprint(w, `{"errcode":0}`)
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	send := func() error {
		_, err := relay(t, c, call(t, "POST", "/cgi-bin/material/add_material", bytes.NewReader(make([]byte, 3<<20))))
		return err
	}
	wantCode(t, send(), tasks.TokenRefused, 42001)
	if err := send(); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]int64{3 << 20, 3 << 20, 3 << 20, 3 << 20}, bodies); diff != "" {
		t.Error(diff)
	}
}

// Of a program's headers WeChat sees what describes the body, and of WeChat's the program sees the same.
func TestRelayKeepsHeadersToItself(t *testing.T) {
	t.Parallel()
	var got *http.Request
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		h := w.Header()
		h.Set("Content-Type", "application/json; encoding=utf-8")
		h.Set("Set-Cookie", "a=b")
		h.Set("X-Cache", "hit")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "{}")
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	r := call(t, "POST", "/cgi-bin/menu/create?access_token=ours&access_token=too&a=1&a=2", strings.NewReader("{}"))
	for name, value := range map[string]string{
		"Authorization": "Bearer key", "Cookie": "session=1", "Connection": "X-Hop", "X-Hop": "1", "Proxy-Authorization": "Basic x", "X-Forwarded-For": "10.0.0.1",
		"Expect": "100-continue", "Accept-Encoding": "br", "Accept": "application/json", "Content-Type": "application/json", "Host": "shop.example", "Te": "trailers",
	} {
		r.Header.Set(name, value)
	}
	answer, err := relay(t, c, r)
	if err != nil || answer.status != http.StatusBadGateway || answer.body != "{}" {
		t.Errorf("%+v, %v", answer, err)
	}
	want := http.Header{"Accept": {"application/json"}, "Content-Type": {"application/json"}, "Content-Length": {"2"}, "User-Agent": {"mediaferry"}}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff("a=1&a=2&access_token=TOKEN-1", got.URL.RawQuery); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(http.Header{"Content-Type": {"application/json; encoding=utf-8"}}, answer.header); diff != "" {
		t.Error(diff)
	}
}

func TestRelayRefuses(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			fmt.Fprint(w, `{"errcode":0}`)
		}
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	large := func(n int) io.Reader { return bytes.NewReader(make([]byte, n)) }
	unknown := func(n int) io.Reader { return io.MultiReader(large(n)) } // has no length, as a chunked body
	for name, tt := range map[string]struct {
		r    *http.Request
		want tasks.Code
	}{
		"no body":                  {call(t, "POST", sendPath, nil), ""},
		"another method":           {call(t, "DELETE", sendPath, nil), tasks.Invalid},
		"a chunked body":           {call(t, "POST", sendPath, unknown(1<<20)), ""},
		"a large body":             {call(t, "POST", sendPath, large(20<<20)), ""},
		"a larger body":            {call(t, "POST", sendPath, large(20<<20+1)), tasks.TooLarge},
		"a large chunked body":     {call(t, "POST", sendPath, unknown(1<<20+1)), tasks.Invalid},
		"a body that breaks off":   {call(t, "POST", sendPath, io.MultiReader(strings.NewReader("x"), broken{})), tasks.Invalid},
		"a length that is a lie":   {withLength(call(t, "POST", sendPath, unknown(1<<20)), 2<<20), tasks.Temporary},
		"a body behind its length": {withLength(call(t, "POST", sendPath, unknown(3<<20)), 2<<20), ""},
	} {
		if _, err := relay(t, c, tt.r); tasks.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	if _, err := c.Relay(t.Context(), "nobody", call(t, "GET", sendPath, nil)); tasks.CodeOf(err) != tasks.NoWork {
		t.Error(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Relay(ended, "main", call(t, "GET", sendPath, nil)); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("gone") }

func withLength(r *http.Request, n int64) *http.Request {
	r.ContentLength = n
	return r
}

// An upstream that sends back what it was told, wherever in its answer, tells the program nothing.
func TestRelayHidesSecretsInAnswers(t *testing.T) {
	t.Parallel()
	pad := func(n int) string { return strings.Repeat("x", n) }
	for name, h := range map[string]http.HandlerFunc{
		"plain":           answers("<html>/cgi-bin/x?access_token=" + sentinelToken),
		"base64":          answers(base64.StdEncoding.EncodeToString([]byte("?access_token=" + sentinelToken))),
		"refused":         answers(`{"errcode":40001,"errmsg":"invalid credential ` + sentinelToken + `"}`),
		"behind the head": answers(pad(64<<10) + sentinelToken),
		"across the head": answers(pad(64<<10-20) + sentinelToken + pad(1000)),
		"far behind":      answers(pad(1<<20) + sentinelToken + pad(1<<20)),
		"a header": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Disposition", "attachment; filename="+sentinelToken)
		},
		"another header": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Url", sentinelToken) },
		"a redirect":     func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.String(), http.StatusFound) },
		"a reset":        func(w http.ResponseWriter, _ *http.Request) { hijack(t, w, "") },
		"no HTTP":        func(w http.ResponseWriter, _ *http.Request) { hijack(t, w, "HTTP/1.1 "+sentinelToken+"\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := wechat.Account{Name: "main", AppID: "wx1", Source: wechat.StaticToken, Static: sentinelToken}
			c := newClient(t, config(serve(t, h).URL, nil), a, nil)
			got, err := relay(t, c, call(t, "GET", "/cgi-bin/menu/get", nil))
			if err == nil && name != "another header" {
				t.Error("it was passed on")
			}
			if seen := texts(err) + fmt.Sprint(got); strings.Contains(seen, sentinel) || encoded.MatchString(seen) {
				t.Errorf("it shows the token: %.2000s", seen)
			}
		})
	}
}

// An answer is passed back while it comes, up to a bound. One that breaks off is an error.
func TestRelayBoundsAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		h    http.HandlerFunc
		want string // empty: all of it comes
	}{
		"10 MiB":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 10<<20)) }, ""},
		"no length": {func(w http.ResponseWriter, _ *http.Request) { endless(w, 33) }, "longer than any"},
		"a length": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(33<<20))
			endless(w, 33)
		}, "longer than any"},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000000")
			_, _ = w.Write(make([]byte, 500_000))
		}, "unexpected EOF"},
		"broken off early": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			fmt.Fprint(w, "{}")
		}, "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, config(serve(t, tt.h).URL, nil), account(), nil)
			got, err := relay(t, c, call(t, "GET", "/cgi-bin/media/get", nil))
			if tt.want == "" && (err != nil || len(got.body) != 10<<20) || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%d bytes, %v, want %q", len(got.body), err, tt.want)
			}
		})
	}
}

func endless(w io.Writer, mib int) {
	b := make([]byte, 1<<20)
	for range mib {
		if _, err := w.Write(b); err != nil {
			return
		}
	}
}

// A call that never reached an address goes to the next one, its body with it.
func TestRelayFailsOver(t *testing.T) {
	t.Parallel()
	var got string
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = string(b[:4])
		fmt.Fprint(w, "{}")
	})
	for _, size := range []int{4, 2 << 20} {
		cfg := config("http://127.0.0.1:1", nil)
		cfg.BaseURLs = append(cfg.BaseURLs, srv.URL)
		c := newClient(t, cfg, account(), nil)
		if _, err := relay(t, c, call(t, "POST", sendPath, strings.NewReader(strings.Repeat("body", size/4)))); err != nil || got != "body" {
			t.Errorf("%d bytes: %q, %v", size, got, err)
		}
		got = ""
	}
}
