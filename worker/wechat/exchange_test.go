package wechat_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	next := answers("<html>", "", `{"errcode":40005}`, `{"errcode":-1}`, success)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		next(w, r)
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	for range 20 {
		_, _ = upload(t, c)
	}
	if n := srv.Conns(); n != 1 {
		t.Errorf("20 uploads one after the other opened %d connections, want 1", n)
	}
}

func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := serve(t, answers(success))
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	})
	_, err := upload(t, newClient(t, config(srv.URL, nil), account(), nil))
	wantCode(t, err, tasks.Temporary, 0)
	wantText(t, err, "HTTP 307, a redirect, which is not followed")
	if n := other.Conns(); n != 0 {
		t.Errorf("the token travelled to another server")
	}
}

func TestSlowAnswerIsGivenUp(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	cfg := config(srv.URL, nil)
	cfg.BaseTimeout, cfg.MinRate = 20*time.Millisecond, 1_000_000 // a body of 30 kB adds 30 ms
	p := payload()
	p.Body = bytes.Repeat([]byte("x"), 30_000)
	given := wechat.Account{Name: "main", AppID: "wx1", Source: wechat.StaticToken, Static: givenToken} // asks nobody who may be slow, too
	_, err := newClient(t, cfg, given, nil).Upload(t.Context(), "main", p)
	wantCode(t, err, tasks.Temporary, 0)
	wantText(t, err, "no answer within 50ms")
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the error reads as if the caller's own time were over")
	}
}

func TestCallersContextEndsTheUpload(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	srv := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	why := errors.New("canceled by somebody")
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(why)
	}()
	_, err := c.Upload(ctx, "main", payload())
	wantCode(t, err, tasks.Temporary, 0)
	wantText(t, err, "canceled by somebody")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v does not wrap context.Canceled", err)
	}
}

// A caller may put another file into the same buffer as soon as Upload has returned, unless it is told not to.
func TestBufferIsFreeOnceUploadReturned(t *testing.T) {
	t.Parallel()
	srv := serve(t, answers(`{"errcode":-1}`)) // the answer comes before the body was read
	c := newClient(t, config(srv.URL, nil), account(), nil)
	for i := range 5 {
		p, held := framed(4 << 20)
		_, err := c.Upload(t.Context(), "main", p)
		if tasks.CodeOf(err) != tasks.Temporary {
			t.Fatal(err)
		}
		if held() {
			continue
		}
		for j := range p.Frame { // the race detector sees a read that is still under way
			p.Frame[j] = byte(i)
		}
	}
}

// framed is a payload of that many bytes in a frame of its own. held reports whether the upload has kept it.
func framed(size int) (p tasks.Payload, held func() bool) {
	p = payload()
	p.Frame = make([]byte, tasks.FrameBefore+size+tasks.FrameAfter)
	p.Body = p.Frame[tasks.FrameBefore : tasks.FrameBefore+size]
	kept := false
	p.Held = func() { kept = true }
	return p, func() bool { return kept }
}

// What went well leaves the buffer free: else each upload would take new memory.
func TestBufferIsFreeAfterASuccess(t *testing.T) {
	t.Parallel()
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		answers(`{"type":"image","media_id":"m1","created_at":1700000000}`)(w, r)
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	p, held := framed(1 << 20)
	if _, err := c.Upload(t.Context(), "main", p); err != nil || held() {
		t.Errorf("held: %v, %v", held(), err)
	}
}

func TestUploadThroughTheProxy(t *testing.T) {
	t.Parallel()
	proxy := serve(t, answers(success)) // it answers whatever it is asked for
	u, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	cfg := config("http://localhost:1", nil) // nothing listens there
	cfg.Proxy = u
	if _, err := upload(t, newClient(t, cfg, account(), nil)); err != nil {
		t.Error(err)
	}
}

// closed returns the address of a port where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

func TestAddressThatCantBeReachedIsPassedOverAtOnce(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	cfg := config("", nil)
	cfg.BaseURLs = []string{closed(t), closed(t), srv.URL}
	c := newClient(t, cfg, account(), nil)
	p := payload()
	spent := 0
	p.Spend = func(context.Context) error {
		spent++
		return nil
	}
	if _, err := c.Upload(t.Context(), "main", p); err != nil || spent != 1 {
		t.Fatalf("got %v, spent %d: nothing was sent to the first addresses, so that there was one call", err, spent)
	}
	if n := srv.Count("media/upload"); n != 1 {
		t.Errorf("made %d upload calls, want 1", n)
	}
	if realm := c.Accounts()[0].Realm; realm != strings.TrimPrefix(cfg.BaseURLs[0], "http://") {
		t.Errorf("the realm is %s, want the first address's", realm)
	}
}

func TestNoAddressCanBeReached(t *testing.T) {
	t.Parallel()
	cfg := config("", nil)
	cfg.BaseURLs = []string{closed(t), closed(t)}
	_, err := upload(t, newClient(t, cfg, account(), nil))
	wantCode(t, err, tasks.Unreachable, 0)
	wantText(t, err, "connection refused")
	if strings.Contains(err.Error(), "/cgi-bin") {
		t.Errorf("%q repeats the URL, which carries a secret or a token", err)
	}
}

func TestFailingAddressIsLeftUntilItsPauseIsOver(t *testing.T) {
	t.Parallel()
	now := newClock()
	lines := &logbook{}
	first := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	second := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	cfg := config(first.URL, now.Now)
	cfg.BaseURLs, cfg.HostPause, cfg.Log = append(cfg.BaseURLs, second.URL), time.Minute, lines.logger()
	a := wechat.Account{Name: "main", AppID: "wx1", Source: wechat.StaticToken, Static: givenToken}
	for _, s := range []*wechattest.Server{first, second} {
		s.Rate(wechattest.Fault{Errcode: 40005, Path: "media/upload"}, 1) // an answer of a healthy address
	}
	c := newClient(t, cfg, a, nil)
	calls := func(wantFirst, wantSecond int, when string) {
		t.Helper()
		if f, s := first.Count("media/upload"), second.Count("media/upload"); f != wantFirst || s != wantSecond {
			t.Fatalf("%s: %d and %d calls, want %d and %d", when, f, s, wantFirst, wantSecond)
		}
	}
	first.Script(wechattest.Fault{Kind: wechattest.HTML502, Path: "media/upload"}, wechattest.Fault{Kind: wechattest.ResetAfter, Path: "media/upload"})
	_, err := upload(t, c)
	wantCode(t, err, tasks.Temporary, 0)
	calls(1, 0, "the first fails: what was sent may have counted, so it is not sent again")
	for range 3 {
		_, err = upload(t, c)
		wantCode(t, err, tasks.Rejected, 40005)
	}
	calls(1, 3, "the second serves")
	now.Advance(time.Minute)
	_, err = upload(t, c)
	wantCode(t, err, tasks.Temporary, 0)
	calls(2, 3, "one call tries the first again, and is reset")
	_, err = upload(t, c)
	wantCode(t, err, tasks.Rejected, 40005)
	calls(2, 4, "so the second goes on")
	now.Advance(time.Minute)
	for range 3 {
		_, err = upload(t, c)
		wantCode(t, err, tasks.Rejected, 40005)
	}
	calls(5, 4, "the first is back")
	if n := strings.Count(lines.String(), "wechat address"); n != 2 {
		t.Errorf("%d lines in the log, want one for leaving and one for coming back: %s", n, lines)
	}
}

func TestResetIsTemporary(t *testing.T) {
	t.Parallel()
	for _, kind := range []wechattest.Kind{wechattest.ResetBefore, wechattest.ResetAfter, wechattest.Cut, wechattest.NoMediaID, wechattest.HTML200, wechattest.Empty} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			srv := wechattest.NewServer(t, wechattest.Config{})
			srv.Script(wechattest.Fault{Kind: kind, Path: "media/upload"})
			c := newClient(t, config(srv.URL, nil), account(), nil)
			_, err := upload(t, c)
			wantCode(t, err, tasks.Temporary, 0)
			if _, err := upload(t, c); err != nil {
				t.Errorf("the next upload: %v", err)
			}
		})
	}
}

func TestOddAnswersThatAreSuccesses(t *testing.T) {
	t.Parallel()
	for _, kind := range []wechattest.Kind{wechattest.StringCreated, wechattest.BOM, wechattest.ControlChars, wechattest.OKErrcode} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			srv := wechattest.NewServer(t, wechattest.Config{})
			srv.Script(wechattest.Fault{Kind: kind, Path: "media/upload"})
			m, err := upload(t, newClient(t, config(srv.URL, nil), account(), nil))
			if err != nil {
				t.Fatal(err)
			}
			if b, ok := srv.Media(m.ID); !ok || !bytes.Equal(b, payload().Body) {
				t.Error("WeChat does not have the file under this media_id")
			}
		})
	}
}

// The API is HTTPS only; a server whose certificate nobody signed must not get a token.
func TestUnknownCertificateIsRefused(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		t.Error("a request was sent")
		fmt.Fprint(w, success)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	defer srv.Close()
	_, err := upload(t, newClient(t, config(srv.URL, nil), account(), nil))
	wantCode(t, err, tasks.Unreachable, 0)
	wantText(t, err, "certificate")
}
