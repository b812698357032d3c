package api

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"io/fs"
	"iter"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// idle is a ledger that answers every read with nothing, and remembers the filter that it was asked by.
type idle struct {
	Ledger
	asked tasks.Filter
}

func (l *idle) List(_ context.Context, f tasks.Filter) ([]tasks.Outcome, string, error) {
	l.asked = f
	_, err := tasks.ParseGlob(f.Source)
	return nil, "", err
}

func (l *idle) InboxUse(context.Context, string) (tasks.SourceUse, error) {
	return tasks.SourceUse{}, nil
}

func (l *idle) Submit(context.Context, tasks.Submission) (tasks.Accepted, error) {
	return tasks.Accepted{}, &tasks.Error{Code: tasks.Unavailable, Op: "accept", Err: errors.New("it is away")}
}

func (l *idle) Outcome(context.Context, uuid.UUID) (tasks.Outcome, error) {
	return tasks.Outcome{}, &tasks.Error{Code: tasks.NotFound, Op: "look up upload", Err: errors.New("there is none")}
}

const fuzzKey = "fuzz-key-0123456789abcdef"

func fuzzServer(f *testing.F, l Ledger, inbox *Inbox) *Server {
	f.Helper()
	s, err := New(Config{Ledger: l, Wait: time.Nanosecond, Inbox: inbox, Keys: &enqueue.Keyring{Fixed: []tasks.Key{
		{Name: "shop", Role: tasks.RoleProducer, Hash: tasks.KeyHash(fuzzKey)},
	}}})
	if err != nil {
		f.Fatal(err)
	}
	return s
}

// Whatever a query says, a producer is shown its own, and the answer is a page or a problem of the caller's.
func FuzzFilterQuery(f *testing.F) {
	for _, q := range []string{
		"state=failed,queued&since=2026-11-27T00:00:00Z", "source=shop/**/*.jpg&metadata=a=b,c=d", "q=%ff&cursor=AAAAAAAAAAE", "producer=rival",
		"limit=-1", "batch=x", "source=" + strings.Repeat("**/", 340), "metadata==", "until=0001-01-01T00:00:00Z", "errcode=99999999999999999999", "nope=1", "%zz",
	} {
		f.Add(q)
	}
	l := &idle{}
	s := fuzzServer(f, l, nil)
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest(http.MethodGet, "/v1/uploads", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer "+fuzzKey)
		l.asked = tasks.Filter{Producer: "shop"}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code >= http.StatusInternalServerError || l.asked.Producer != "shop" {
			t.Errorf("%q is answered %d with what %q has: %s", query, w.Code, l.asked.Producer, w.Body)
		}
	})
}

// A batch's body is read row by row, whatever it holds: no row is longer than its limit, and lines only grow.
func FuzzBatchRows(f *testing.F) {
	for _, body := range []string{
		"{}\n{\"type\":\"image\"}\n", "[{},{}]", "[", "[{}", "[{}]x", "[[[[", "\n\n\n", "\xff\n", "[" + strings.Repeat("1,", 100), `["\ud800"]`, "{}\r\n\r\n{}", strings.Repeat("x", 70000),
	} {
		f.Add([]byte(body), true)
		f.Add([]byte(body), false)
	}
	f.Fuzz(func(t *testing.T, body []byte, array bool) {
		var rows iter.Seq2[line, error]
		if array {
			var err error
			if rows, err = elements(bytes.NewReader(body)); err != nil {
				return
			}
		} else {
			rows = lines(bytes.NewReader(body))
		}
		last, ended := 0, false
		for l, err := range rows {
			if ended {
				t.Fatal("a row comes behind an error")
			}
			if err != nil {
				ended = true
				continue
			}
			if l.number <= last || l.fault == nil && len(l.text) > maxLine {
				t.Fatalf("row %d of %d bytes comes behind row %d", l.number, len(l.text), last)
			}
			last = l.number
			if l.fault == nil {
				if u, err := decodeRow(l.text); err == nil {
					_ = u.Validate() // it must not panic
				}
			}
		}
	})
}

// A token that was not signed here is nobody's.
func FuzzToken(f *testing.F) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	key := tasks.Key{Name: "shop", Role: tasks.RoleProducer, Hash: tasks.KeyHash(fuzzKey)}
	ring, secrets := &enqueue.Keyring{Fixed: []tasks.Key{key}}, [][]byte{[]byte("a secret")}
	f.Add(newToken([]byte("another"), key, now))
	f.Add("")
	f.Add(base64.RawURLEncoding.EncodeToString(make([]byte, tokenHead+tokenSum)))
	f.Add(base64.RawURLEncoding.EncodeToString(key.Hash[:]))
	f.Fuzz(func(t *testing.T, token string) {
		if _, fault, err := readToken(t.Context(), ring, secrets, token, now); err != nil || fault != tokenForeign {
			t.Errorf("%q: %d, %v", token, fault, err)
		}
	})
}

// Whatever form the drop-in endpoint is sent, it answers with WeChat's JSON and keeps no file of a submission that failed.
func FuzzDropInForm(f *testing.F) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.SetBoundary("B"); err != nil {
		f.Fatal(err)
	}
	part, err := w.CreateFormFile("media", "../a\x00.jpg")
	if err == nil {
		_, err = part.Write([]byte("bytes"))
	}
	if err != nil || w.Close() != nil {
		f.Fatal(err)
	}
	for _, body := range []string{
		form.String(), "", "--B", "--B--\r\n", "--B\r\n\r\n\r\n--B--", "--B\r\nContent-Disposition: form-data; name=media; filename=..\r\n\r\nx\r\n--B--\r\n",
		"--B\r\nContent-Disposition: form-data; name=\"media\"; filename*=utf-8''%2e%2e%2fx\r\n\r\nx",
	} {
		f.Add([]byte(body), "image")
	}
	dir := f.TempDir()
	inbox, err := OpenInbox(InboxConfig{Dir: dir})
	if err != nil {
		f.Fatal(err)
	}
	s := fuzzServer(f, &idle{}, inbox)
	f.Fuzz(func(t *testing.T, body []byte, kind string) {
		k := tasks.Key{Name: "shop", Role: tasks.RoleProducer, Hash: tasks.KeyHash(fuzzKey)}
		r := httptest.NewRequest(http.MethodPost, "/cgi-bin/media/upload", io.NopCloser(bytes.NewReader(body)))
		q := r.URL.Query()
		q.Set("access_token", newToken(s.cfg.TokenKeys[0], k, time.Now()))
		q.Set("type", kind)
		r.URL.RawQuery = q.Encode()
		r.Header.Set("Content-Type", "multipart/form-data; boundary=B")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"errcode":`) {
			t.Errorf("it is answered %d %s", w.Code, w.Body)
		}
		files := 0
		if err := inbox.walk(func(tasks.Source, fs.FileInfo) error { files++; return nil }); err != nil || files > 0 {
			t.Errorf("%d files are left, %v", files, err)
		}
	})
}
