package wechattest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestJournal(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	cfg := frozen(wechattest.Config{Journal: &lines})
	srv := wechattest.NewServer(t, cfg)
	jpg := sample(t, "photo.jpg")
	srv.Script(wechattest.Fault{Path: "media/upload", Errcode: -1})
	token, _ := stableToken(t, srv, false)
	upload(t, srv, token, "image", "a.jpg", jpg)
	id := upload(t, srv, token, "image", "/home/me/照片.jpg", jpg).text("media_id")
	upload(t, srv, token, "image", "phpsNnmJN", jpg)
	raw(t, srv, get("/cgi-bin/media/get?access_token="+token+"&media_id="+id))
	raw(t, srv, get(tokenPath("wx0", "a-secret")))
	now := cfg.Now()
	hash := hashOf(jpg)
	const app = wechattest.DefaultAppID
	want := []wechattest.Call{
		{Time: now, Method: "POST", Path: "/cgi-bin/stable_token", AppID: app, Token: 1, Status: 200},
		{Time: now, Method: "POST", Path: "/cgi-bin/media/upload", AppID: app, Token: 1, Type: "image", Errcode: -1, Status: 200, Fault: "errcode -1"},
		{Time: now, Method: "POST", Path: "/cgi-bin/media/upload", AppID: app, Token: 1, Type: "image", Filename: "照片.jpg", Size: int64(len(jpg)), SHA256: hash, Status: 200, MediaID: id},
		{
			Time: now, Method: "POST", Path: "/cgi-bin/media/upload", AppID: app, Token: 1, Type: "image", Filename: "phpsNnmJN", Size: int64(len(jpg)), SHA256: hash,
			Errcode: 40005, Reason: "the filename has no extension that image may have", Status: 200,
		},
		{Time: now, Method: "GET", Path: "/cgi-bin/media/get", AppID: app, Token: 1, Size: int64(len(jpg)), Status: 200, MediaID: id},
		{Time: now, Method: "GET", Path: "/cgi-bin/token", Errcode: 40013, Status: 200},
	}
	if diff := cmp.Diff(want, srv.Calls()); diff != "" {
		t.Errorf("Calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, linesOf[wechattest.Call](t, lines.String())); diff != "" {
		t.Errorf("journal (-want +got):\n%s", diff)
	}
	if s := lines.String(); strings.Contains(s, token) || strings.Contains(s, "a-secret") || strings.Contains(s, wechattest.DefaultSecret) {
		t.Errorf("a token or secret is in the journal:\n%s", s)
	}
	for path, want := range map[string]int{"": 6, "media/upload": 3, "/cgi-bin/media/upload": 3, "token": 1, "stable_token": 1, "load": 0, "nothing": 0} {
		if got := srv.Count(path); got != want {
			t.Errorf("Count(%q) is %d, want %d", path, got, want)
		}
	}
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestAQueryWithoutItsQuestionMarkIsNotJournaled(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	wantErrcode(t, raw(t, srv, get("/cgi-bin/media/get&access_token="+token)), 40066)
	if got := srv.Calls()[0].Path; got != "/cgi-bin/media/get" {
		t.Errorf("the path is journaled as %q", got)
	}
}

type brokenWriter struct {
	err    error
	writes int
}

func (w *brokenWriter) Write([]byte) (int, error) {
	w.writes++
	return 0, w.err
}

func TestAJournalThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	out := &brokenWriter{err: full}
	srv := wechattest.NewServer(t, wechattest.Config{Journal: out})
	if err := srv.JournalErr(); err != nil {
		t.Errorf("before any call: %v", err)
	}
	plainToken(t, srv)
	plainToken(t, srv)
	if err := srv.JournalErr(); !errors.Is(err, full) {
		t.Errorf("JournalErr is %v", err)
	}
	if n := len(srv.Calls()); n != 2 || out.writes != 1 {
		t.Errorf("%d calls kept and %d written, want 2 and 1: lines after a broken one can't be read", n, out.writes)
	}
}

func TestReset(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, frozen(wechattest.Config{}))
	srv.Advance(time.Hour)
	token := srv.Token(wechattest.DefaultAppID)
	id := upload(t, srv, token, "image", "a.jpg", sample(t, "photo.jpg")).text("media_id")
	srv.Script(wechattest.Fault{Errcode: -1})
	srv.Rate(wechattest.Fault{Errcode: -1}, 1)
	now := srv.Now()
	srv.Reset()
	if _, found := srv.Media(id); found || srv.Pending() != 0 || srv.Count("") != 0 || len(srv.Calls()) != 0 || !srv.Now().Equal(now) {
		t.Error("something was kept, or the clock went back")
	}
	wantBad(t, srv, token, 40001)
	plainToken(t, srv)
}

func TestTimeNeverRunsBack(t *testing.T) {
	t.Parallel()
	s := wechattest.New(frozen(wechattest.Config{}))
	before := s.Now()
	s.Advance(-time.Hour)
	if !s.Now().Equal(before) {
		t.Error("it ran back")
	}
}

// Everything at once, for the race detector; and nothing is lost or counted twice.
func TestManyClientsAtOnce(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{KeepBytes: 10_000})
	srv.Rate(wechattest.Fault{Path: "media/upload", Errcode: -1}, 0.1)
	jpg := sample(t, "photo.jpg")
	const clients, calls = 16, 25
	var mu sync.Mutex
	ids := map[string]bool{}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range calls {
				token, _ := stableToken(t, srv, false)
				id := upload(t, srv, token, "image", "a.jpg", jpg).text("media_id")
				raw(t, srv, get("/cgi-bin/media/get?access_token="+token+"&media_id="+id))
				srv.Media(id)
				mu.Lock()
				ids[id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	delete(ids, "")
	failed := 0
	for _, c := range srv.Calls() {
		if c.Fault != "" {
			failed++
		}
	}
	if n := srv.Count("media/upload"); n != clients*calls || len(ids)+failed != n {
		t.Errorf("%d uploads, %d of them failed, %d ids; want %d uploads", n, failed, len(ids), clients*calls)
	}
}
