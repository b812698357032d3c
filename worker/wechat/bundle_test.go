package wechat_test

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9/logging"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// TestMain keeps go-redis from printing what the tests do to Redis on purpose.
func TestMain(m *testing.M) {
	logging.Disable()
	m.Run()
}

// clock is a time that tests move on by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// account is the sandbox's own one.
func account() wechat.Account {
	return wechat.Account{Name: "main", AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret}
}

// newClient makes a client of one account, or fails the test.
func newClient(t *testing.T, cfg wechat.Config, a wechat.Account, store wechat.TokenStore) *wechat.Client {
	t.Helper()
	c, err := wechat.New(cfg, []wechat.Account{a}, store)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// payload is a small picture, as validation hands it on.
func payload() tasks.Payload {
	var b bytes.Buffer
	if err := jpeg.Encode(&b, image.NewGray(image.Rect(0, 0, 8, 8)), nil); err != nil {
		panic(err) // a buffer takes everything
	}
	return tasks.Payload{Body: b.Bytes(), Content: tasks.Content{
		Type: tasks.Image, Format: "jpeg", Ext: ".jpg", ContentType: "image/jpeg", Size: int64(b.Len()),
	}}
}

// wechatAPI is a server whose upload answers are written by the test. It counts calls by path.
type wechatAPI struct {
	*httptest.Server
	mu     sync.Mutex
	counts map[string]int
	conns  int
}

// Count returns how many calls were made to a path.
func (a *wechatAPI) Count(path string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counts[path]
}

// Conns returns how many connections were opened.
func (a *wechatAPI) Conns() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.conns
}

const uploadPath = "/cgi-bin/media/upload"

// serve starts a WeChat of usual(upload).
func serve(t *testing.T, upload http.HandlerFunc) *wechatAPI {
	t.Helper()
	return serveAll(t, usual(upload))
}

// usual answers the n-th call of stable_token with "TOKEN-n", and all other calls with upload.
func usual(upload http.HandlerFunc) http.HandlerFunc {
	var fetched atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cgi-bin/stable_token" {
			fmt.Fprintf(w, `{"access_token":"TOKEN-%d","expires_in":7200}`, fetched.Add(1))
			return
		}
		upload(w, r)
	}
}

// serveAll starts a WeChat whose every answer is h's.
func serveAll(t *testing.T, h http.HandlerFunc) *wechatAPI {
	t.Helper()
	a := &wechatAPI{counts: map[string]int{}}
	a.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.counts[r.URL.Path]++
		a.mu.Unlock()
		w.Header().Set("Content-Type", "text/plain")
		h(w, r)
	}))
	a.Config.ConnState = a.track
	a.Start()
	t.Cleanup(a.Close)
	return a
}

func (a *wechatAPI) track(_ net.Conn, s http.ConnState) {
	if s == http.StateNew {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.conns++
	}
}

// answers returns a handler that gives one body after the other, the last one for ever.
func answers(bodies ...string) http.HandlerFunc {
	var mu sync.Mutex
	return func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprint(w, bodies[0])
		if len(bodies) > 1 {
			bodies = bodies[1:]
		}
	}
}

const success = `{"type":"image","media_id":"MEDIA_ID","created_at":1772600767}`

// upload uploads the small picture to the one account.
func upload(t *testing.T, c *wechat.Client) (tasks.Media, error) {
	t.Helper()
	return c.Upload(t.Context(), "main", payload())
}

// wantCode fails the test unless err is a *tasks.Error of this code and errcode.
func wantCode(t *testing.T, err error, code tasks.Code, errcode int) {
	t.Helper()
	e, ok := errors.AsType[*tasks.Error](err)
	if !ok {
		t.Fatalf("got %v (%T), want a *tasks.Error of code %s", err, err, code)
	}
	if e.Code != code || e.Errcode != errcode {
		t.Fatalf("got code %s, errcode %d (%v), want %s, %d", e.Code, e.Errcode, e, code, errcode)
	}
}

// wantText fails the test unless err says want.
func wantText(t *testing.T, err error, want string) {
	t.Helper()
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want it to say %q", err, want)
	}
}

// config is for a server on loopback; the clock may be nil.
func config(url string, now func() time.Time) wechat.Config {
	return wechat.Config{BaseURLs: []string{url}, Now: now, BaseTimeout: 20 * time.Second}
}
