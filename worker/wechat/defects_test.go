package wechat_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Each test here proves that a defect which was seen in another client is not in this one.

func TestNotOurs_RetrySendsAnEmptyFile(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var bodies [][]byte
	next := answers(`{"errcode":40001,"errmsg":"invalid credential"}`, success)
	srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
		f, _, err := r.FormFile("media")
		if err != nil {
			t.Error(err)
			return
		}
		b, _ := io.ReadAll(f)
		mu.Lock()
		bodies = append(bodies, b)
		mu.Unlock()
		next(w, r)
	})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	if _, err := upload(t, c); err != nil {
		t.Fatal(err)
	}
	want := payload().Body
	if len(bodies) != 2 || !bytes.Equal(bodies[0], want) || !bytes.Equal(bodies[1], want) {
		t.Errorf("the server got %d bodies, want the same file twice", len(bodies))
	}
}

func TestNotOurs_TokenRefreshWithoutBound(t *testing.T) {
	t.Parallel()
	now := newClock()
	srv := serve(t, answers(`{"errcode":40001,"errmsg":"invalid credential"}`))
	c := newClient(t, config(srv.URL, now.Now), account(), nil)
	for range 12 {
		_, err := upload(t, c)
		if code := tasks.CodeOf(err); code != tasks.TokenRefused {
			t.Fatalf("got code %s (%v), want %s", code, err, tasks.TokenRefused)
		}
	}
	if n := srv.Count("/cgi-bin/stable_token"); n != 2 {
		t.Errorf("12 uploads that met 40001 fetched %d tokens, want the first one and one more", n)
	}
}

func TestNotOurs_NonsenseTakenForSuccess(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"html":       "<html><body>media_id</body></html>",
		"empty":      "",
		"blanks":     " \r\n",
		"null":       "null",
		"array":      `[{"media_id":"MEDIA_ID"}]`,
		"no id":      `{"type":"image","created_at":1772600767}`,
		"empty id":   `{"media_id":""}`,
		"spaced id":  `{"media_id":"a b"}`,
		"number id":  `{"media_id":7}`,
		"ok, no id":  `{"errcode":0,"errmsg":"ok"}`,
		"odd code":   `{"errcode":"x","media_id":"MEDIA_ID"}`,
		"float code": `{"errcode":0.5,"media_id":"MEDIA_ID"}`,
		"cut":        `{"type":"image","media_id":"MED`,
		"oversized":  strings.Repeat(" ", 64<<10) + success,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, config(serve(t, answers(body)).URL, nil), account(), nil)
			m, err := upload(t, c)
			wantCode(t, err, tasks.Temporary, 0)
			if m != (tasks.Media{}) {
				t.Errorf("got media %v beside an error", m)
			}
		})
	}
}

func TestNotOurs_HTML502ReportedAsJSONError(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	srv.Script(wechattest.Fault{Kind: wechattest.HTML502, Path: "media/upload"})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	_, err := upload(t, c)
	wantCode(t, err, tasks.Temporary, 0)
	wantText(t, err, "HTTP 502 with")
	wantText(t, err, "text/html")
	for _, alien := range []string{"JSON", "unexpected", "<"} {
		if strings.Contains(err.Error(), alien) {
			t.Errorf("%q speaks of %q", err, alien)
		}
	}
}

func TestNotOurs_StringCreatedAtFailsTheUpload(t *testing.T) {
	t.Parallel()
	now := newClock()
	at := now.Now().Add(-2 * time.Second)
	for name, created := range map[string]string{
		"string": fmt.Sprintf("%q", fmt.Sprint(at.Unix())), "number": fmt.Sprint(at.Unix()), "word": `"soon"`, "null": "null", "object": "{}", "past": "123456789",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := serve(t, answers(fmt.Sprintf(`{"media_id":"MEDIA_ID","created_at":%s}`, created)))
			c := newClient(t, config(srv.URL, now.Now), account(), nil)
			got, err := upload(t, c)
			if err != nil {
				t.Fatal(err)
			}
			issued := now.Now()
			if name == "string" || name == "number" {
				issued = at
			}
			want := tasks.Media{ID: "MEDIA_ID", IssuedAt: issued, ExpiresAt: issued.Add(72 * time.Hour)}
			if d := cmp.Diff(want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestNotOurs_LocalPathSentAsFilename(t *testing.T) {
	t.Parallel()
	for kind, want := range map[tasks.MediaType]tasks.Content{
		tasks.Image: {Type: tasks.Image, Ext: ".png", ContentType: "image/png"},
		tasks.Voice: {Type: tasks.Voice, Ext: ".amr", ContentType: "audio/amr"},
		tasks.Video: {Type: tasks.Video, Ext: ".mp4", ContentType: "video/mp4"},
		tasks.Thumb: {Type: tasks.Thumb, Ext: ".jpg", ContentType: "image/jpeg"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			var head, contentType string
			var query, length any
			srv := serve(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				head, _, _ = strings.Cut(string(b), "\r\n\r\n")
				_, head, _ = strings.Cut(head, "\r\n") // the boundary
				contentType = r.Header.Get("Content-Type")
				query, length = r.URL.Query().Get("type"), r.ContentLength == int64(len(b))
				if r.Header.Get("Expect") != "" || len(r.TransferEncoding) > 0 {
					t.Errorf("got Expect %q, Transfer-Encoding %q", r.Header.Get("Expect"), r.TransferEncoding)
				}
				fmt.Fprint(w, success)
			})
			c := newClient(t, config(srv.URL, nil), account(), nil)
			if _, err := c.Upload(t.Context(), "main", tasks.Payload{Content: want, Body: []byte("file")}); err != nil {
				t.Fatal(err)
			}
			if w := fmt.Sprintf("Content-Disposition: form-data; name=\"media\"; filename=\"media%s\"\r\nContent-Type: %s", want.Ext, want.ContentType); head != w {
				t.Error(cmp.Diff(w, head))
			}
			if query != string(kind) || length != true {
				t.Errorf("got type %v, exact Content-Length: %v", query, length)
			}
			if !strings.HasPrefix(contentType, "multipart/form-data; boundary=mediaferry") {
				t.Errorf("got Content-Type %q", contentType)
			}
		})
	}
}

// The name of a temporary file has no extension, and WeChat answers 40005 to that.
func TestNotOurs_FilenameWithoutExtension(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	if _, err := upload(t, c); err != nil {
		t.Fatal(err)
	}
	p := payload()
	for _, ext := range []string{"", "jpg", ".JPG", ".j pg", ".jpg\r\nX: y", "..", `.jpg"`, ".图片"} {
		p.Ext = ext
		_, err := c.Upload(t.Context(), "main", p)
		wantCode(t, err, tasks.Defect, 0)
	}
	if n := srv.Count("media/upload"); n != 1 {
		t.Errorf("%d uploads were sent, want only the one with a canonical extension", n)
	}
}

func TestNotOurs_MinusOneReturnedAsSuccess(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	c := newClient(t, config(srv.URL, nil), account(), nil)
	srv.Script(wechattest.Fault{Path: "media/upload", Errcode: -1})
	m, err := upload(t, c)
	wantCode(t, err, tasks.Temporary, -1)
	e := tasks.AsError(err)
	if e.RID == "" || m != (tasks.Media{}) {
		t.Errorf("got rid %q and media %v, want a rid and no media", e.RID, m)
	}
}

// The older of two tokens that were fetched at the same time must never be the one that stays.
func TestNotOurs_OlderTokenStoredLast(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	srv := serve(t, answers(success))
	arrived, answer := make(chan struct{}), make(chan struct{})
	slow := serveAll(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/cgi-bin/stable_token" {
			close(arrived)
			<-answer
			fmt.Fprint(w, `{"access_token":"OLDER","expires_in":7200}`)
			return
		}
		if got := r.URL.Query().Get("access_token"); got != "TOKEN-1" {
			t.Errorf("the slow client uploads with %s, want the newer token", got)
		}
		fmt.Fprint(w, success)
	})
	store := func() wechat.TokenStore { return oneAccount{sharedTokens(rdb, "t:", 1)} }

	slowly := make(chan error, 1)
	first := newClient(t, config(slow.URL, nil), account(), store())
	go func() {
		_, err := first.Upload(t.Context(), "main", payload())
		slowly <- err
	}()
	<-arrived
	if err := rdb.Del(t.Context(), "t:token:one:turn").Err(); err != nil { // its turn ends while it still fetches
		t.Fatal(err)
	}
	second := newClient(t, config(srv.URL, nil), account(), store())
	if _, err := upload(t, second); err != nil {
		t.Fatal(err)
	}
	close(answer)
	if err := <-slowly; err != nil {
		t.Fatal(err)
	}
	stored, err := store().Load(t.Context(), "")
	if err != nil || stored.Value.Reveal() != "TOKEN-1" {
		t.Errorf("stored at last: %s, %v; want the newer token", stored.Value.Reveal(), err)
	}
}

// oneAccount makes clients of different servers share one account.
type oneAccount struct{ store wechat.TokenStore }

func (o oneAccount) Load(ctx context.Context, _ string) (wechat.Token, error) {
	return o.store.Load(ctx, "one")
}

func (o oneAccount) Save(ctx context.Context, _ string, t wechat.Token) (wechat.Token, error) {
	return o.store.Save(ctx, "one", t)
}

func (o oneAccount) Refuse(ctx context.Context, _ string, v tasks.Secret) error {
	return o.store.Refuse(ctx, "one", v)
}

func (o oneAccount) Lock(ctx context.Context, _ string) (wechat.Turn, bool, error) {
	return o.store.Lock(ctx, "one")
}

func TestNotOurs_EachProcessFetchesItsOwnToken(t *testing.T) {
	t.Parallel()
	now := newClock()
	rdb := redistest.Start(t).Client()
	srv := wechattest.NewServer(t, wechattest.Config{Now: now.Now})
	a := account()
	a.Source = wechat.PlainToken
	for range 3 { // three times the same fleet, ten minutes apart: a retired token would be refused by then
		for range 5 {
			c := newClient(t, config(srv.URL, now.Now), a, sharedTokens(rdb, "t:", 1))
			if _, err := upload(t, c); err != nil {
				t.Fatal(err)
			}
		}
		now.Advance(10 * time.Minute)
	}
	if n := srv.Count("/cgi-bin/token"); n != 1 {
		t.Errorf("5 processes fetched %d tokens, want 1", n)
	}
}
