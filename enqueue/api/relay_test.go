package api_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// upstream is a WeChat that answers what the test says, and remembers what it was asked.
type upstream struct {
	mu    sync.Mutex
	calls []string
	answer
}

type answer func(account string, r *http.Request) (*http.Response, error)

func (u *upstream) Relay(_ context.Context, account string, r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	u.mu.Lock()
	u.calls = append(u.calls, fmt.Sprintf("%s %s %s %s", account, r.Method, r.URL.Path, body))
	u.mu.Unlock()
	if u.answer == nil {
		return said(`{"errcode":0,"errmsg":"ok"}`), nil
	}
	return u.answer(account, r)
}

func (u *upstream) asked() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer func() { u.calls = nil }()
	return u.calls
}

func said(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}}, ContentLength: -1, Body: io.NopCloser(strings.NewReader(body))}
}

func withWeChat(u api.WeChat, paths ...string) func(*api.Config) {
	return func(c *api.Config) { c.WeChat, c.Passthrough = u, paths }
}

const send = "message/custom/send"

func pathTo(path, token string) string { return "/cgi-bin/" + path + "?access_token=" + token }

// asked checks what WeChat was asked since the last time.
func (u *upstream) check(t *testing.T, want ...string) {
	t.Helper()
	if got := u.asked(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("WeChat was asked %q, want %q", got, want)
	}
}

// A path that is granted is passed on, by its exact name and in the name of an account that the key may use.
func TestPassthrough(t *testing.T) {
	t.Parallel()
	u := &upstream{}
	p := newPlant(t, withWeChat(u, send), withLimits(tasks.Rights{Accounts: []string{"second", "third"}}))
	shopToken, limitedToken := p.token("shop", shop), p.token("limited", limited)
	r := p.call("", "POST", pathTo(send, shopToken), `{"touser":"o"}`)
	if r.status != http.StatusOK || r.body != `{"errcode":0,"errmsg":"ok"}` || r.header.Get("Content-Type") != "text/plain" {
		t.Errorf("%+v", r)
	}
	u.check(t, `default POST /cgi-bin/message/custom/send {"touser":"o"}`)
	p.call("", "GET", pathTo(send, limitedToken), "")
	u.check(t, `second GET /cgi-bin/message/custom/send `)
	for _, want := range []string{"path=/cgi-bin/message/custom/send", "producer=shop account=default", "producer=limited account=second"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("the log does not say %s:\n%s", want, p.log)
		}
	}
	for path, want := range map[string]float64{
		pathTo("message/custom/sendx", shopToken): 48001, pathTo("message/custom", shopToken): 48001, pathTo("menu/get", shopToken): 48001,
		pathTo("message/custom/SEND", shopToken): 48001, pathTo("message%2fcustom%2fsend/x", shopToken): 48001, pathTo(send+"/", shopToken): 48001,
		pathTo(send, "x"): 40001, "/cgi-bin/" + send: 41001, pathTo(send, p.token("eye", eye)): 48001,
	} {
		errcode(t, p.wx("POST", path, "{}"), want)
	}
	u.check(t)
	v := p.wx("POST", pathTo("menu/create", shopToken), "{}")
	if !strings.Contains(v["errmsg"].(string), "does not pass menu/create on to WeChat; its operator may grant it by the setting passthrough: [menu/create] ]") {
		t.Errorf("%v", v)
	}
	if log := p.log.String(); strings.Contains(log, shopToken) || strings.Contains(log, limitedToken) {
		t.Error("the log has a token")
	}
}

// What can't be passed on is answered in WeChat's form, and never as if the caller's own token were refused.
func TestPassthroughFails(t *testing.T) {
	t.Parallel()
	fail := func(code tasks.Code, errcode int) *tasks.Error {
		return &tasks.Error{Code: code, Op: "pass on to WeChat", Errcode: errcode, Err: errors.New("because")}
	}
	u := &upstream{}
	p := newPlant(t, withWeChat(u, send))
	token := p.token("shop", shop)
	for _, tt := range []struct {
		err  error
		want float64
	}{
		{fail(tasks.TokenRefused, 40001), -1}, {fail(tasks.AccountHeld, 40001), -1}, {fail(tasks.Unreachable, 0), -1}, {fail(tasks.Egress, 40164), -1},
		{fail(tasks.NoWork, 0), 48001}, {fail(tasks.TooLarge, 0), 45001}, {fail(tasks.Invalid, 0), 47001}, {errors.New("x"), -1},
	} {
		u.answer = func(string, *http.Request) (*http.Response, error) { return nil, tt.err }
		v := p.wx("POST", pathTo(send, token), "{}")
		errcode(t, v, tt.want)
		if says := strings.Contains(v["errmsg"].(string), "because"); says != (tasks.CodeOf(tt.err) != tasks.Internal) {
			t.Errorf("%v is answered %v", tt.err, v)
		}
	}
	u.answer = func(string, *http.Request) (*http.Response, error) {
		res := said("")
		res.Body = io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), broken{}))
		return res, nil
	}
	if res, err := p.client.Post(p.url+pathTo(send, token), "", nil); err != nil {
		t.Error(err)
	} else {
		_, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err == nil {
			t.Error("an answer that breaks off looks whole")
		}
	}
	if !strings.Contains(p.log.String(), "error=gone") {
		t.Errorf("the log does not tell of the answer that broke off:\n%s", p.log)
	}
	u.asked()
	must(t, p.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.DailyLimit, Reason: "spent", Until: p.now().Add(time.Hour)}))
	u.answer = nil
	p.call("", "POST", pathTo(send, token), "{}") // uploads are held up, other calls are not
	u.check(t, "default POST /cgi-bin/message/custom/send {}")
	must(t, p.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Errcode: 40125, Reason: "a wrong secret", Until: p.now().Add(2 * time.Hour)}))
	v := p.wx("POST", pathTo(send, token), "{}")
	errcode(t, v, -1)
	if !strings.Contains(v["errmsg"].(string), "account default is held: a wrong secret") {
		t.Errorf("%v", v)
	}
	u.check(t)
	none := newPlant(t, withWeChat(nil, send))
	errcode(t, none.wx("POST", pathTo(send, none.token("shop", shop)), "{}"), 48001)
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("gone") }

// A key's calls that are passed on are bounded, and nobody else's are by them.
func TestPassthroughIsBounded(t *testing.T) {
	t.Parallel()
	const most = 8
	begun, end := make(chan struct{}), make(chan struct{})
	u := &upstream{answer: func(string, *http.Request) (*http.Response, error) {
		begun <- struct{}{}
		<-end
		return said("{}"), nil
	}}
	p := newPlant(t, withWeChat(u, send))
	token, other := p.token("shop", shop), p.token("rival", rival)
	var calls sync.WaitGroup
	for range most {
		calls.Go(func() { p.call("", "POST", pathTo(send, token), "{}") })
		<-begun
	}
	errcode(t, p.wx("POST", pathTo(send, token), "{}"), 45011)
	calls.Go(func() { p.call("", "POST", pathTo(send, other), "{}") })
	<-begun
	close(end)
	calls.Wait()
	go func() { <-begun }()
	if r := p.call("", "POST", pathTo(send, token), "{}"); r.body != "{}" {
		t.Errorf("%+v", r)
	}
}

// The media that a key's uploads are answered with can be read back; those of others where the path is granted.
func TestDownload(t *testing.T) {
	t.Parallel()
	u := &upstream{answer: func(string, *http.Request) (*http.Response, error) { return said("bytes"), nil }}
	p := newPlant(t, withWeChat(u), withLimits(tasks.Rights{Accounts: []string{"second"}}))
	keep := func(id, producer string) {
		must(t, p.KeepMedia(t.Context(), tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: tasks.Image, Hash: tasks.HashOf([]byte(id)), Producer: producer},
			tasks.Media{ID: id, IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}))
	}
	keep("SHARED", "")
	keep("SHOPS", "shop")
	get := func(key, name, id string) string {
		return p.call("", "GET", pathTo("media/get", p.token(name, key))+"&media_id="+id, "").body
	}
	for _, tt := range []struct{ name, key, id, want string }{
		{"shop", shop, "SHARED", "bytes"}, {"shop", shop, "SHOPS", "bytes"}, {"rival", rival, "SHARED", "bytes"}, {"boss", boss, "SHOPS", "bytes"},
		{"rival", rival, "SHOPS", "40007"}, {"limited", limited, "SHARED", "40007"}, {"shop", shop, "NONE", "40007"}, {"shop", shop, "", "41006"}, {"eye", eye, "SHARED", "48001"},
	} {
		got := get(tt.key, tt.name, tt.id)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s gets of %q %s, want %s", tt.name, tt.id, got, tt.want)
		}
		if tt.want != "bytes" {
			u.check(t)
		} else {
			u.check(t, "default GET /cgi-bin/media/get ")
		}
	}
	if got := p.call("", "GET", pathTo("media/get/jssdk", p.token("shop", shop))+"&media_id=SHOPS", "").body; got != "bytes" {
		t.Error(got)
	}
	u.check(t, "default GET /cgi-bin/media/get/jssdk ")
	granted := newPlant(t, withWeChat(u, "media/get"))
	token := granted.token("shop", shop)
	if got := granted.call("", "GET", pathTo("media/get", token)+"&media_id=NONE", "").body; got != "bytes" {
		t.Error(got)
	}
	errcode(t, granted.wx("GET", pathTo("media/get/jssdk", token)+"&media_id=NONE", ""), 40007)
}
