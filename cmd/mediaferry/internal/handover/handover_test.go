package handover_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/handover"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/seal"
)

// files are an inbox with one file and one that can't be read.
type files struct{ opened int }

const (
	file   = "inbox:here/shop/f1/a%20b.jpg"
	broken = "inbox:here/shop/f2/broken.jpg"
)

func (f *files) ID() string { return "here" }

func (f *files) Open(_ context.Context, source string) (tasks.File, error) {
	f.opened++
	switch source {
	case file:
		return tasks.File{ReadCloser: io.NopCloser(strings.NewReader("content")), Size: 7}, nil
	case broken:
		return tasks.File{}, &tasks.Error{Code: tasks.Storage, Op: "open file", Err: errors.New("input/output error")}
	}
	return tasks.File{}, &tasks.Error{Code: tasks.Missing, Op: "open file", Err: errors.New("no such file")}
}

func signer(t *testing.T, key byte) *seal.Signer {
	t.Helper()
	k, err := seal.New(bytes.Repeat([]byte{key}, seal.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	return k.Signer(seal.InboxFiles)
}

// serve starts a process with that key, whose answers pass through change.
func serve(t *testing.T, key byte, change func(http.ResponseWriter, *http.Request, http.Handler)) (url string, f *files) {
	t.Helper()
	f = new(files)
	mux := http.NewServeMux()
	mux.Handle("GET "+handover.Path, handover.NewHandler(f, signer(t, key), slog.New(slog.DiscardHandler)))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if change == nil {
			mux.ServeHTTP(w, r)
		} else {
			change(w, r, mux)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, f
}

func client(t *testing.T) *handover.Client {
	t.Helper()
	c := handover.NewClient(signer(t, 1))
	t.Cleanup(c.Close)
	return c
}

func TestOpen(t *testing.T) {
	t.Parallel()
	here, _ := serve(t, 1, nil)
	c := client(t)
	f, err := c.Open(t.Context(), here, file)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil || string(got) != "content" || f.Size != 7 {
		t.Errorf("read %q of %d bytes, %v", got, f.Size, err)
	}
	if err := c.Look(t.Context(), here, "here"); err != nil {
		t.Error(err)
	}
	for source, want := range map[string]tasks.Code{
		"inbox:here/shop/f1/other.jpg": tasks.Missing, // this is its inbox, and it is not in it
		"inbox:there/shop/f1/a.jpg":    tasks.Storage, // which another process can tell
		broken:                         tasks.Storage,
	} {
		if _, err := c.Open(t.Context(), here, source); tasks.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	if err := c.Look(t.Context(), here, "there"); tasks.CodeOf(err) != tasks.Storage || !strings.Contains(err.Error(), "another inbox") {
		t.Error(err)
	}
}

// Only a process with the same key is asked, and only its answer judges a file.
func TestStrangers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		key    byte
		change func(http.ResponseWriter, *http.Request, http.Handler)
		says   string
	}{
		"with another key": {2, nil, "another token_key"},
		"that know no such file": {1, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.NotFound(w, r)
		}, "no process of this installation"},
		"that answer with any file": {1, func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			_, _ = io.WriteString(w, "content")
		}, "no process of this installation"},
		"that turn an answer into another": {1, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, r)
			for name, v := range rec.Header() {
				w.Header()[name] = v
			}
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusNotFound)
		}, "no process of this installation"},
		"that repeat the answer to another request": {1, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
			r.Header.Set("Mediaferry-Nonce", "another")
			r.Header.Set("Mediaferry-Signature", signer(t, 1).Sign("request", "another", r.URL.RawQuery))
			h.ServeHTTP(w, r)
		}, "no process of this installation"},
		"that send elsewhere": {1, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, "no process of this installation"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at, _ := serve(t, c.key, c.change)
			_, err := client(t).Open(t.Context(), at, file)
			if tasks.CodeOf(err) != tasks.Storage || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "f1") {
				t.Errorf("%v, want Storage and %q", err, c.says)
			}
			if err := client(t).Look(t.Context(), at, "here"); tasks.CodeOf(err) != tasks.Storage {
				t.Errorf("look: %v", err)
			}
		})
	}
	if _, err := client(t).Open(t.Context(), "http://127.0.0.1:1", file); tasks.CodeOf(err) != tasks.Storage || strings.Contains(err.Error(), "f1") {
		t.Errorf("where nobody answers: %v", err)
	}
}

// Who has no key of the installation gets nothing, and nothing is opened for them.
func TestUnsignedRequests(t *testing.T) {
	t.Parallel()
	at, f := serve(t, 1, nil)
	for name, header := range map[string]http.Header{
		"no signature":            {},
		"the key of a producer":   {"Authorization": {"Bearer shop-key-0123456789abcdef"}},
		"signed with another key": {"Mediaferry-Nonce": {"n"}, "Mediaferry-Signature": {signer(t, 2).Sign("request", "n", "source="+file)}},
		"signed for another file": {"Mediaferry-Nonce": {"n"}, "Mediaferry-Signature": {signer(t, 1).Sign("request", "n", "source=other")}},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+handover.Path+"?source="+file, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header = header
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusForbidden || res.Header.Get("Mediaferry-Signature") != "" {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if f.opened > 0 {
		t.Errorf("%d files were opened", f.opened)
	}
}

// An answer that breaks off is no file, and no fault of the file.
func TestAnswerBreaksOff(t *testing.T) {
	t.Parallel()
	at, _ := serve(t, 1, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
		h.ServeHTTP(cut{w}, r)
	})
	f, err := client(t).Open(t.Context(), at, file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); tasks.CodeOf(err) != tasks.Storage {
		t.Errorf("read %q, %v", got, err)
	}
}

// cut writes half of what it is given.
type cut struct{ http.ResponseWriter }

func (c cut) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:len(b)/2])
	return n, errors.Join(err, io.ErrShortWrite)
}
