package source_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

const bucket = "media"

// s3 is object storage on loopback. It honours If-Match, which gofakes3 does not, keeps a journal of the requests,
// and cut makes it break the connection in the middle of that many GETs.
type s3 struct {
	*httptest.Server
	backend *s3mem.Backend

	mu      sync.Mutex
	journal []string
	cut     int
	between func() // runs after a connection was cut
	answer  string // XML that answers everything, if set
	status  int
}

func newS3(t *testing.T, opts ...gofakes3.Option) *s3 {
	t.Helper()
	s := &s3{backend: s3mem.New()}
	must(t, s.backend.CreateBucket(bucket))
	fake := gofakes3.New(s.backend, opts...).Server()
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(fake, w, r) }))
	t.Cleanup(s.Close)
	return s
}

func (s *s3) serve(fake http.Handler, w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.journal = append(s.journal, strings.TrimSpace(fmt.Sprint(r.Method, " ", r.Host, r.URL.Path, " ", r.Header.Get("Range"))))
	answer, status := s.answer, s.status
	s.mu.Unlock()
	if status != 0 {
		w.WriteHeader(status)
		fmt.Fprint(w, answer)
		return
	}
	rec := httptest.NewRecorder()
	fake.ServeHTTP(rec, r)
	if want := r.Header.Get("If-Match"); want != "" && strings.Trim(want, `"`) != strings.Trim(rec.Header().Get("ETag"), `"`) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	body := rec.Body.Bytes()
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(rec.Code)
	if r.Method == http.MethodGet && s.cuts() {
		fmt.Fprintf(w, "%s", body[:len(body)/2])
		w.(http.Flusher).Flush()
		s.between()
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, "%s", body)
}

func (s *s3) cuts() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cut--
	return s.cut >= 0
}

func (s *s3) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.journal...)
}

func (s *s3) put(t *testing.T, key, content string) {
	t.Helper()
	meta := map[string]string{"Last-Modified": "Mon, 02 Nov 2026 15:04:05 GMT"}
	_, err := s.backend.PutObject(bucket, key, meta, strings.NewReader(content), int64(len(content)), nil)
	must(t, err)
}

func (s *s3) config() *source.S3Config {
	return &source.S3Config{Endpoint: s.URL, Region: "us-east-1", Style: "path", Buckets: []string{bucket}, AccessKey: "key", SecretKey: "hush-hush"}
}

func (s *s3) store(t *testing.T) *source.Store {
	t.Helper()
	return newStore(t, source.Config{S3: s.config()})
}

func TestObjectIsReadOnce(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	store := s.store(t)
	for _, key := range []string{"a.jpg", "dir/封面 图.jpg", "new\nline.jpg", "a#b?c%41.jpg", "x//y.jpg"} {
		s.put(t, key, "bytes of "+key)
		if got := read(t, store, "s3://"+bucket+"/"+key); got != "bytes of "+key {
			t.Errorf("key %q: read %q", key, got)
		}
	}
	if n := len(s.requests()); n != 5 {
		t.Errorf("%d requests for 5 objects:\n%q", n, s.requests())
	}
	f, err := store.Open(t.Context(), "s3://media/a.jpg")
	must(t, err)
	defer f.Close()
	if f.Size != int64(len("bytes of a.jpg")) || f.ETag == "" || f.Modified.IsZero() {
		t.Errorf("size %d, etag %q, modified %v", f.Size, f.ETag, f.Modified)
	}
}

func TestObjectGoesOnWhereTheConnectionBroke(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789", 10_000)
	for name, c := range map[string]struct {
		cut     int
		between func(*testing.T, *s3)
		want    tasks.Code
		asked   int
	}{
		"once":          {1, nil, "", 2},
		"twice":         {2, nil, "", 3},
		"again, again":  {3, nil, tasks.Storage, 3},
		"another bytes": {1, func(t *testing.T, s *s3) { s.put(t, "a.jpg", strings.Repeat("x", 100_000)) }, tasks.Changed, 2},
		"and removed": {1, func(t *testing.T, s *s3) {
			_, err := s.backend.DeleteObject(bucket, "a.jpg")
			must(t, err)
		}, tasks.Changed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newS3(t)
			s.put(t, "a.jpg", content)
			s.cut, s.between = c.cut, func() {
				if c.between != nil {
					c.between(t, s)
				}
			}
			f, err := s.store(t).Open(t.Context(), "s3://media/a.jpg")
			must(t, err)
			defer f.Close()
			got, err := io.ReadAll(f)
			if code := tasks.CodeOf(err); code != c.want {
				t.Fatalf("read: %v, want code %q", err, c.want)
			}
			if err == nil && string(got) != content {
				t.Errorf("read %d other bytes", len(got))
			}
			if n := len(s.requests()); n != c.asked {
				t.Errorf("%d requests, want %d: %q", n, c.asked, s.requests())
			}
		})
	}
}

func TestObjectRefusals(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	s.put(t, "a.jpg", "a")
	cfg := s.config()
	cfg.Buckets = []string{bucket, "vanished"}
	store := newStore(t, source.Config{S3: cfg})
	for src, want := range map[string]tasks.Code{
		"s3://media/none":     tasks.Missing,
		"s3://media/":         tasks.Denied,
		"s3://other/a.jpg":    tasks.Denied,
		"s3://vanished/a.jpg": tasks.Storage,
		"s3:///a.jpg":         tasks.Invalid,
		"s3://me%64ia/a.jpg":  tasks.Invalid,
	} {
		if _, err := store.Open(t.Context(), src); tasks.CodeOf(err) != want {
			t.Errorf("Open(%q): %v, want %s", src, err, want)
		}
	}
	for _, r := range s.requests() {
		if strings.Contains(r, "other") {
			t.Errorf("a bucket that was not granted was asked for: %s", r)
		}
	}
}

func TestStorageThatCantJudge(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	store := s.store(t)
	for code, want := range map[string]tasks.Code{
		"InvalidAccessKeyId":    tasks.Storage,
		"SignatureDoesNotMatch": tasks.Storage,
		"RequestTimeTooSkewed":  tasks.Storage,
		"NoSuchBucket":          tasks.Storage,
		"AccessDenied":          tasks.Denied,
		"InvalidObjectState":    tasks.Denied,
		"NoSuchKey":             tasks.Missing,
		"Whatever":              tasks.Storage,
	} {
		s.mu.Lock()
		s.status, s.answer = http.StatusForbidden, "<Error><Code>"+code+"</Code><Message>no\x1b[31m "+strings.Repeat("n", 900)+"</Message></Error>"
		s.answer = strings.ReplaceAll(s.answer, "\x1b", "&#x202e;")
		s.mu.Unlock()
		_, err := store.Open(t.Context(), "s3://media/a.jpg")
		if tasks.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
		if err == nil || len(err.Error()) > 400 || strings.ContainsRune(err.Error(), '\u202e') || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: the text is not fit for people: %q", code, err)
		}
	}
	s.Close()
	if _, err := store.Open(t.Context(), "s3://media/a.jpg"); tasks.CodeOf(err) != tasks.Storage || strings.Contains(err.Error(), "http://") {
		t.Errorf("storage that is down: %v, want Storage without the URL", err)
	}
}

func TestObjectCanceled(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	s.put(t, "a.jpg", strings.Repeat("a", 1<<20))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	half := make(chan struct{})
	s.cut, s.between = 1, func() { <-half }
	f, err := s.store(t).Open(ctx, "s3://media/a.jpg")
	must(t, err)
	defer f.Close()
	cancel()
	close(half)
	if _, err := io.ReadAll(f); !errors.Is(err, context.Canceled) {
		t.Errorf("read: %v, want context.Canceled", err)
	}
}

func TestVirtualHostStyle(t *testing.T) {
	t.Parallel()
	s := newS3(t, gofakes3.WithHostBucketBase("oss.example.test"))
	s.put(t, "a/b.jpg", "b")
	cfg := s.config()
	cfg.Style, cfg.Endpoint = "virtual", "http://oss.example.test"
	cfg.Transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, s.Listener.Addr().String())
	}}
	if got := read(t, newStore(t, source.Config{S3: cfg}), "s3://media/a/b.jpg"); got != "b" {
		t.Errorf("read %q", got)
	}
	if diff := cmp.Diff([]string{"GET media.oss.example.test/a/b.jpg"}, s.requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestListObjects(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	for _, key := range []string{"p/", "p/b.jpg", "p/a/封面.jpg", "p/.hidden/x.jpg", "photo.jpg", "photo.jpg.bak", "q/new\nline.jpg"} {
		s.put(t, key, key)
	}
	store := s.store(t)
	hidden := func(name string, _ bool) bool { return strings.HasPrefix(name, ".") }
	for src, want := range map[string][]string{
		"s3://media/p/":        {"a/封面.jpg", "b.jpg"},
		"s3://media/p":         {"p/.hidden/x.jpg", "p/a/封面.jpg", "p/b.jpg", "photo.jpg", "photo.jpg.bak"},
		"s3://media/photo.jpg": {"photo.jpg"},
		"s3://media/q/":        {"new\nline.jpg"},
		"s3://media/none/":     nil,
	} {
		var got []string
		for e, err := range store.List(t.Context(), src, hidden) {
			must(t, err)
			got = append(got, e.Name)
			if b := read(t, store, e.Source); int64(len(b)) != e.Size || !strings.HasSuffix(b, e.Name) {
				t.Errorf("%s: entry %+v leads to %q", src, e, b)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("List(%s) (-want +got):\n%s", src, diff)
		}
	}
	for src, want := range map[string]tasks.Code{"s3://other/": tasks.Denied, "s3://media": ""} {
		for _, err := range store.List(t.Context(), src, nil) {
			if tasks.CodeOf(err) != want {
				t.Errorf("List(%s): %v, want %q", src, err, want)
			}
		}
	}
}

func TestListObjectsReadsOnePageAtATime(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	for i := range 2500 {
		s.put(t, fmt.Sprintf("p/%05d", i), "x")
	}
	store := s.store(t)
	seen := 0
	for _, err := range store.List(t.Context(), "s3://media/p/", nil) {
		must(t, err)
		seen++
		if pages := (seen + 999) / 1000; len(s.requests()) != pages {
			t.Fatalf("after %d objects %d requests were made, want %d", seen, len(s.requests()), pages)
		}
	}
	if seen != 2500 {
		t.Errorf("%d objects listed, want 2500", seen)
	}
}

func TestListFailures(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	store := s.store(t)
	s.status, s.answer = http.StatusForbidden, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>"
	for e, err := range store.List(t.Context(), "s3://media/p/", nil) {
		if e.Source != "" || tasks.CodeOf(err) != tasks.Denied || !strings.Contains(tasks.AsError(err).Advice(), "listing") {
			t.Errorf("a listing that is refused: %+v, %v", e, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cancel()
	var got error
	for _, err := range store.List(ctx, "s3://media/p/", nil) {
		got = err
	}
	if !errors.Is(got, context.Canceled) {
		t.Errorf("a canceled listing ends with %v: it must not look complete", got)
	}
}

func TestBucketsReady(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	if err := s.store(t).Ready(t.Context()); err != nil {
		t.Errorf("Ready: %v", err)
	}
	cfg := s.config()
	cfg.Buckets = append(cfg.Buckets, "vanished")
	if err := newStore(t, source.Config{S3: cfg}).Ready(t.Context()); tasks.CodeOf(err) != tasks.Storage {
		t.Errorf("Ready with a bucket that is gone: %v, want storage", err)
	}
	s.status, s.answer = http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>"
	if err := s.store(t).Ready(t.Context()); err != nil {
		t.Errorf("Ready where only some objects may be read: %v", err)
	}
	s.answer = "<Error><Code>InvalidAccessKeyId</Code></Error>"
	if err := s.store(t).Ready(t.Context()); tasks.CodeOf(err) != tasks.Storage {
		t.Errorf("Ready with a wrong key: %v, want storage", err)
	}
}

func TestS3Config(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		cfg source.S3Config
		ok  bool
	}{
		"zero":          {source.S3Config{}, true},
		"host":          {source.S3Config{Endpoint: "oss-cn-hangzhou.aliyuncs.com", Style: "virtual"}, true},
		"host and port": {source.S3Config{Endpoint: "127.0.0.1:9000", Style: "path"}, true},
		"URL":           {source.S3Config{Endpoint: "http://minio:9000/"}, true},
		"path":          {source.S3Config{Endpoint: "https://host/bucket"}, false},
		"user":          {source.S3Config{Endpoint: "https://me:pw@host"}, false},
		"scheme":        {source.S3Config{Endpoint: "ftp://host"}, false},
		"style":         {source.S3Config{Style: "dns"}, false},
		"one key":       {source.S3Config{AccessKey: "a"}, false},
		"other key":     {source.S3Config{SecretKey: "hush-hush"}, false},
		"bucket":        {source.S3Config{Buckets: []string{"a/b"}}, false},
		"no bucket":     {source.S3Config{Buckets: []string{""}}, false},
	} {
		_, err := source.New(source.Config{S3: &c.cfg})
		if (err == nil) != c.ok {
			t.Errorf("%s: %v, want ok %t", name, err, c.ok)
		}
		if err != nil && bytes.Contains([]byte(err.Error()), []byte("hush")) {
			t.Errorf("%s: the error tells a secret: %v", name, err)
		}
	}
}
