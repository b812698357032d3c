package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/console"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
	"github.com/mediaferry/mediaferry/tasks/ledger"
)

// plant is a console over a real ledger, with a key for each role.
type plant struct {
	testing.TB
	*ledger.Ledger
	url     string
	console *console.Console
	server  *httptest.Server
	back    atomic.Int64                     // nanoseconds by which the clock is put back
	ended   atomic.Int64                     // uploads with an outcome
	last    map[tasks.MediaType]tasks.Result // the last success of each type
}

// The keys of the tests.
const (
	shop  = "shop-key-0123456789abcdef"
	rival = "rival-key-0123456789abcdef"
	boss  = "boss-key-0123456789abcdef"
	eye   = "eye-key-0123456789abcdef"
)

var account = tasks.Account{Name: "shop", Realm: "wechat.example", AppID: "wx1", Fingerprint: "f", DailyLimit: 5000}

func newPlant(tb testing.TB, change ...func(*console.Config)) *plant {
	tb.Helper()
	p := &plant{TB: tb, last: map[tasks.MediaType]tasks.Result{}}
	l, err := ledger.Open(tb.Context(), "sqlite:"+filepath.Join(tb.TempDir(), "ledger.db"), ledger.Options{Linger: time.Millisecond, Alone: true, Now: p.now})
	must(tb, err)
	tb.Cleanup(func() { must(tb, l.Close()) })
	p.Ledger = l
	p.serve(change...)
	return p
}

func (p *plant) serve(change ...func(*console.Config)) {
	p.Helper()
	ring := &enqueue.Keyring{Store: p.Ledger}
	for name, k := range map[string]struct {
		secret string
		role   tasks.Role
	}{"shop": {shop, tasks.RoleProducer}, "rival": {rival, tasks.RoleProducer}, "boss": {boss, tasks.RoleOperator}, "eye": {eye, tasks.RoleViewer}} {
		ring.Fixed = append(ring.Fixed, tasks.Key{Name: name, Role: k.role, Hash: tasks.KeyHash(tasks.Secret(k.secret))})
	}
	actor := enqueue.NewActor(p.Ledger)
	cfg := console.Config{
		Ledger: p.Ledger, Keys: ring, Actor: actor, Tail: enqueue.NewTail(p.Ledger, 20*time.Millisecond), Hosts: []string{"127.0.0.1"}, Version: "test", Now: p.now,
		Producer: func(who enqueue.Caller) *enqueue.Producer {
			return &enqueue.Producer{Ledger: p.Ledger, Name: who.Name, Rights: who.Rights, Rates: actor.Rates}
		},
		Files: pictures{},
		Store: func(producer, filename string, from io.Reader) (string, error) {
			_, err := io.Copy(io.Discard, from)
			return "in/" + filename, err
		},
		Check: func(b []byte, t tasks.MediaType) (tasks.Content, error) {
			if !bytes.HasPrefix(b, []byte("\x89PNG")) {
				return tasks.Content{}, &tasks.Error{Code: tasks.Unsupported, Op: "check media", Err: errors.New("it is no picture")}
			}
			return tasks.Content{Type: t}, nil
		},
		Explain: func(l lang.Language, _ tasks.Code, errcode int) (string, string, bool) {
			if errcode != 40009 {
				return "", "", false
			}
			if l == lang.Chinese {
				return "不合法的图片大小", "请缩小图片", true
			}
			return "the image is too large", "make it smaller", true
		},
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := console.New(cfg)
	must(p, err)
	p.console = c
	p.start()
	p.Cleanup(func() {
		c.Close()
		p.stop()
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = actor.Run(ctx)
	}()
	p.Cleanup(func() {
		cancel()
		<-done
	})
}

// start answers at the address where it answered before, if it did.
func (p *plant) start() {
	p.Helper()
	p.server = httptest.NewUnstartedServer(p.console)
	if p.url != "" {
		p.server.Listener.Close()
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", strings.TrimPrefix(p.url, "http://"))
		must(p, err)
		p.server.Listener = l
	}
	p.server.Start()
	p.url = p.server.URL
}

// stop goes away, whoever is connected.
func (p *plant) stop() {
	p.server.CloseClientConnections()
	p.server.Close()
}

// pictures is a storage in which every source is the same picture.
type pictures struct{}

func (pictures) OpenWithin(context.Context, string, string) (tasks.File, error) {
	return tasks.File{ReadCloser: io.NopCloser(bytes.NewReader(picture()))}, nil
}

// picture is a small PNG.
func picture() []byte {
	m := image.NewRGBA(image.Rect(0, 0, 320, 180))
	for y := range 180 {
		for x := range 320 {
			m.Set(x, y, color.RGBA{uint8(40 + y), uint8(90 + x/4), 150, 255})
		}
	}
	var b bytes.Buffer
	_ = png.Encode(&b, m) // a buffer takes it
	return b.Bytes()
}

// join makes a worker live that knows the account.
func (p *plant) join() {
	p.Helper()
	must(p, p.Join(context.Background(), tasks.Process{Name: "worker-1", Role: tasks.RoleRun, Host: "alpha", PID: 7, Version: "test", Slots: 64}, []tasks.Account{account}))
}

// submit accepts an upload for each row.
func (p *plant) submit(producer string, rows ...tasks.Upload) []tasks.Receipt {
	p.Helper()
	s := tasks.Submission{Producer: producer}
	for _, u := range rows {
		u.Producer, u.Account = producer, account.Name
		s.Rows = append(s.Rows, tasks.SubmittedRow{Upload: u})
	}
	a, err := p.Submit(context.Background(), s)
	must(p, err)
	return a.Receipts
}

// fill gives the ledger n uploads of the last hour. Four of five have their outcome.
func (p *plant) fill(n int) {
	p.Helper()
	types := []tasks.MediaType{tasks.Image, tasks.Voice, tasks.Video, tasks.Thumb}
	ext := []string{"jpg", "mp3", "mp4", "jpg"}
	defer p.back.Store(0)
	steps := min(n, 20)
	for step := range steps {
		p.back.Store(int64(time.Duration(steps-step) * 150 * time.Second))
		var rows []tasks.Upload
		for i := step; i < n; i += steps {
			u := tasks.Upload{
				Type: types[i%4], Source: fmt.Sprintf("2026/spring/look-%03d.%s", i, ext[i%4]), ExternalID: fmt.Sprintf("order-%d", i), Metadata: fmt.Appendf(nil, `{"order":%d}`, i),
			}
			if i%3 == 0 {
				u.KeepFreshUntil = time.Now().Add(30 * 24 * time.Hour)
			}
			rows = append(rows, u)
		}
		p.submit("shop", rows[:max(1, len(rows)-step*7%5)]...) // some steps are busier than others
		if 5*step < 4*steps {
			p.finish(len(rows))
		}
	}
}

// enliven adds what a busy installation has: a batch that is under way, webhooks that arrived and that did not, and an account
// that is held. It returns the batch.
func (p *plant) enliven() uuid.UUID {
	p.Helper()
	ctx := context.Background()
	must(p, p.Join(ctx, tasks.Process{Name: "worker-2", Role: tasks.RoleWorker, Host: "beta", PID: 9, Version: "test", Slots: 32, Egress: "203.0.113.7"},
		[]tasks.Account{account, {Name: "news", Realm: account.Realm, AppID: "wx2", Fingerprint: "g", DailyLimit: 1000}}))
	must(p, p.Hold(ctx, tasks.Hold{Realm: account.Realm, AppID: "wx2", Code: tasks.AccountHeld, Errcode: 40125, RID: "6565-1", Reason: "invalid appsecret", Until: time.Now().Add(time.Hour)}))
	shop := &enqueue.Producer{Ledger: p.Ledger, Name: "shop", Account: account.Name, CallbackURL: "https://crm.example/hook"}
	receipt, err := shop.SubmitBatch(ctx, tasks.Batch{ExternalID: "spring", CallbackURL: "https://crm.example/hook"}, func(yield func(tasks.Upload) bool) {
		for i := range 12 {
			if !yield(tasks.Upload{Type: tasks.Image, Source: fmt.Sprintf("2026/batch/%02d.jpg", i)}) {
				return
			}
		}
	})
	must(p, err)
	p.finish(8)
	_, err = shop.TestWebhook(ctx, "https://old.example/hook")
	must(p, err)
	ds, err := p.DispatchDeliveries(ctx, 100)
	must(p, err)
	for _, d := range ds {
		got, token, err := p.ClaimDelivery(ctx, d.ID, d.Generation, time.Minute)
		must(p, err)
		r := tasks.DeliveryResult{State: tasks.Delivered, Status: 204, Took: 41 * time.Millisecond}
		if strings.Contains(got.URL, "old") {
			r = tasks.DeliveryResult{State: tasks.GivenUp, Status: 503, Reason: "HTTP 503", Took: 2 * time.Second}
		}
		must(p, p.FinishDelivery(ctx, token, r))
	}
	soon := p.now().Add(5 * time.Hour)
	must(p, p.KeepMedia(ctx, tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: tasks.Image, Hash: tasks.HashOf([]byte("soon"))},
		tasks.Media{ID: "Zz-soon-0123456789", IssuedAt: soon.Add(-72 * time.Hour), ExpiresAt: soon}))
	return receipt.Batch.ID
}

// now is the clock of the ledger and of the console, which can be put back.
func (p *plant) now() time.Time { return time.Now().Add(-time.Duration(p.back.Load())) }

// finish brings n uploads to an outcome, as a worker would: one in seven fails, and one in ten of the others is damaged.
func (p *plant) finish(n int) {
	p.Helper()
	ctx := context.Background()
	for i := 0; i < n; {
		chunks, err := p.Dispatch(ctx, tasks.Window{Bulk: 1000, Interactive: 1000})
		must(p, err)
		if len(chunks) == 0 {
			return
		}
		for _, chunk := range chunks {
			claims, err := p.Claim(ctx, tasks.NewBids(chunk.Runs), "worker-1", time.Minute)
			must(p, err)
			for _, c := range claims {
				if i < n {
					must(p, p.Finish(ctx, c.Token, p.result(c)))
				}
				i++
			}
		}
	}
}

func (p *plant) result(c tasks.Claim) tasks.Result {
	i := int(p.ended.Add(1))
	at := p.now().UTC()
	attempt := &tasks.Attempt{Started: at, Took: time.Duration(300+i%9*130) * time.Millisecond, RID: fmt.Sprintf("6565-%08x-1", i)}
	switch { // a renewal succeeds
	case c.Wants != (tasks.Hash{}):
	case i%7 == 3:
		attempt.Code, attempt.Errcode, attempt.Reason = tasks.Rejected, 40009, "invalid image size"
		return tasks.Result{State: tasks.Failed, Attempt: attempt, Cause: &tasks.Error{Code: tasks.Rejected, Op: "upload media", Errcode: 40009, RID: attempt.RID}}
	case i%11 == 5:
		return tasks.Result{State: tasks.Failed, Cause: &tasks.Error{Code: tasks.Corrupt, Op: "check media", Err: errors.New("the picture ends in the middle")}}
	}
	if last := p.last[c.Type]; i%5 == 0 && last.State != "" && c.Wants == (tasks.Hash{}) {
		last.Reused, last.Attempt = true, nil
		return last
	}
	id := fmt.Sprintf("Ek_%061d", i)
	r := tasks.Result{
		State: tasks.Succeeded, Key: tasks.MediaKey{Realm: account.Realm, AppID: account.AppID, Type: c.Type, Hash: tasks.HashOf([]byte(id))},
		Media: tasks.Media{ID: id, IssuedAt: at, ExpiresAt: at.Add(72 * time.Hour)}, Size: 348_112, Attempt: attempt,
	}
	if c.Wants != (tasks.Hash{}) {
		r.Key.Hash = c.Wants
	}
	p.last[c.Type] = r
	return r
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// browser is an HTTP client that is signed in.
type browser struct {
	*plant
	client *http.Client
}

func (p *plant) signedIn(key string) *browser {
	p.Helper()
	jar, err := cookiejar.New(nil)
	must(p, err)
	b := &browser{p, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if key != "" {
		res, _ := b.post("/sign-in", url.Values{"key": {key}})
		if res.StatusCode != http.StatusSeeOther {
			p.Fatalf("sign-in: %d", res.StatusCode)
		}
	}
	return b
}

func (b *browser) get(path string, headers ...string) (*http.Response, string) {
	b.Helper()
	return b.do(http.MethodGet, path, "", headers...)
}

func (b *browser) post(path string, form url.Values, headers ...string) (*http.Response, string) {
	b.Helper()
	return b.do(http.MethodPost, path, form.Encode(), append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func (b *browser) do(method, path, body string, headers ...string) (*http.Response, string) {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.url+path, strings.NewReader(body))
	must(b, err)
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.client.Do(req)
	must(b, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(b, err)
	return res, string(text)
}
