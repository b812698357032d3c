package api_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// plant is a server over a real ledger, with a key for each role.
type plant struct {
	*testing.T
	*ledger.Ledger
	url    string
	api    *api.Server
	actor  *enqueue.Actor
	client *http.Client
	log    *lockedBuffer
	dir    string // of the ledger
	mu     sync.Mutex
	at     time.Time
}

// The keys of the tests. Nobody's is known to nobody.
const (
	shop   = "shop-key-0123456789abcdef"
	rival  = "rival-key-0123456789abcdef"
	boss   = "boss-key-0123456789abcdef"
	eye    = "eye-key-0123456789abcdef"
	nobody = "nobody-key-0123456789abcdef"
)

var account = tasks.Account{Name: "default", Realm: "wechat.example", AppID: "wx1", Fingerprint: "f"}

func newPlant(t *testing.T, change ...func(*api.Config)) *plant {
	t.Helper()
	p := &plant{T: t, log: &lockedBuffer{}, at: time.Now(), dir: t.TempDir()}
	l, err := ledger.Open(t.Context(), "sqlite:"+filepath.Join(p.dir, "ledger.db"), ledger.Options{Linger: time.Millisecond})
	must(t, err)
	t.Cleanup(func() { must(t, l.Close()) })
	must(t, l.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account}))
	p.Ledger = l
	c := api.Config{
		Ledger: l, Wait: 5 * time.Second, Poll: 5 * time.Millisecond, Now: p.now,
		Keys: &enqueue.Keyring{Store: l, Now: p.now, Fixed: []tasks.Key{
			key("shop", shop, tasks.RoleProducer), key("rival", rival, tasks.RoleProducer),
			key("boss", boss, tasks.RoleOperator), key("eye", eye, tasks.RoleViewer),
		}},
		Log: slog.New(slog.NewTextHandler(p.log, nil)),
	}
	c.Actor = enqueue.NewActor(l)
	c.Actor.Rates = enqueue.NewRates(p.now)
	for _, f := range change {
		f(&c)
	}
	p.actor = c.Actor
	p.api, err = api.New(c)
	must(t, err)
	srv := httptest.NewServer(p.api)
	t.Cleanup(srv.Close)
	p.url, p.client = srv.URL, srv.Client()
	return p
}

// withInbox gives the server an inbox.
func withInbox(t *testing.T) func(*api.Config) {
	return func(c *api.Config) {
		b, err := api.OpenInbox(api.InboxConfig{Dir: filepath.Join(t.TempDir(), "inbox"), Now: c.Now})
		must(t, err)
		c.Inbox = b
	}
}

func key(name, secret string, role tasks.Role) tasks.Key {
	return tasks.Key{Name: name, Role: role, Hash: tasks.KeyHash(tasks.Secret(secret))}
}

// in is the plant for a subtest.
func (p *plant) in(t *testing.T) *plant {
	return &plant{T: t, Ledger: p.Ledger, url: p.url, api: p.api, client: p.client, log: p.log}
}

func (p *plant) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.at
}

func (p *plant) pass(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at = p.at.Add(d)
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   string
}

// call makes one request. headers are pairs.
func (p *plant) call(key, method, path, body string, headers ...string) reply {
	p.Helper()
	req, err := http.NewRequestWithContext(p.Context(), method, p.url+path, strings.NewReader(body))
	must(p.T, err)
	if body == "" {
		req.Body = nil
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := p.client.Do(req)
	must(p.T, err)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	must(p.T, err)
	return reply{res.StatusCode, res.Header, string(b)}
}

// answered decodes an answer that must have that status.
func answered[T any](t *testing.T, r reply, status int) T {
	t.Helper()
	var v T
	if r.status != status {
		t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%v: %s", err, r.body)
	}
	return v
}

// refused checks a problem's status and code, and that its detail has the words.
func (p *plant) refused(r reply, status int, code tasks.Code, words string) {
	p.Helper()
	var got api.Problem
	err := json.Unmarshal([]byte(r.body), &got)
	if err != nil || r.status != status || got.Status != status || got.Code != code || !strings.Contains(got.Detail, words) ||
		r.header.Get("Content-Type") != "application/problem+json" || got.RequestID == "" || got.RequestID != r.header.Get("X-Request-Id") {
		p.Errorf("status %d (%s), want %d %s with %q: %s", r.status, r.header.Get("Content-Type"), status, code, words, r.body)
	}
}

// submit submits one upload in the name of key.
func (p *plant) submit(key, body string) api.Receipt {
	p.Helper()
	return answered[api.Receipt](p.T, p.call(key, "POST", "/v1/uploads", body), http.StatusAccepted)
}

// finish brings an upload to its outcome, as a worker would.
func (p *plant) finish(id uuid.UUID, r tasks.Result) {
	p.Helper()
	ctx := p.Context()
	ds, err := p.Dispatch(ctx, tasks.Window{Bulk: 1000, Interactive: 1000})
	must(p.T, err)
	found := false
	for _, d := range ds {
		if d.Runs[0].Upload != id {
			_, err := p.Undispatch(ctx, []tasks.Chunk{d})
			must(p.T, err)
			continue
		}
		claims, err := p.Claim(ctx, tasks.NewBids(d.Runs), "test", time.Minute)
		must(p.T, err)
		must(p.T, p.Finish(ctx, claims[0].Token, r))
		found = true
	}
	if !found {
		p.Fatalf("upload %s was not dispatched", id)
	}
}

func success(media string) tasks.Result {
	at := time.Now().UTC().Truncate(time.Second)
	return tasks.Result{
		State: tasks.Succeeded, Key: tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: tasks.Image, Hash: tasks.HashOf([]byte(media))},
		Media: tasks.Media{ID: media, IssuedAt: at, ExpiresAt: at.Add(72 * time.Hour)}, Size: 7,
		Attempt: &tasks.Attempt{Started: at, Took: 1500 * time.Millisecond},
	}
}

func failure(code tasks.Code, errcode int) tasks.Result {
	return tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: code, Op: "upload media", Errcode: errcode}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// lockedBuffer is a log that is written while it is read.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
