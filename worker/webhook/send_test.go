package webhook_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/webhook/webhooktest"
)

// bundle is a sender that may call loopback, and a receiver there.
type bundle struct {
	sender   *webhook.Sender
	receiver *webhooktest.Receiver
	url      string
	secret   tasks.Secret
	clock    *clock
}

// clock is set by the test.
type clock struct{ at atomic.Pointer[time.Time] }

func (c *clock) now() time.Time { return *c.at.Load() }

func (c *clock) advance(d time.Duration) {
	next := c.now().Add(d)
	c.at.Store(&next)
}

func newClock() *clock {
	var c clock
	now := time.Now()
	c.at.Store(&now)
	return &c
}

func setup(t *testing.T, change func(*webhook.Config)) *bundle {
	t.Helper()
	b := &bundle{secret: webhook.NewSecret(), clock: newClock()}
	var err error
	if b.receiver, err = webhooktest.NewReceiver(b.secret); err != nil {
		t.Fatal(err)
	}
	b.url = serve(t, b.receiver)
	cfg := webhook.Config{Now: b.clock.now, Allow: func(string) []string { return []string{"127.0.0.1"} }}
	if change != nil {
		change(&cfg)
	}
	b.sender = webhook.New(cfg, webhooktest.Secrets(b.secret))
	t.Cleanup(b.sender.Close)
	return b
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func delivery(url string) tasks.Delivery {
	return tasks.Delivery{
		ID: uuid.New(), URL: url, State: tasks.Pending,
		Event: tasks.Event{
			ID: uuid.New(), Producer: "shop", Type: tasks.UploadSucceeded,
			Time: time.Date(2026, 11, 22, 10, 0, 0, 0, time.FixedZone("", 8*3600)), Data: json.RawMessage(`{"id":"1"}`),
		},
	}
}

func TestDeliver(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := delivery(b.url + "/hook?key=1")
	if diff := cmp.Diff(tasks.DeliveryResult{State: tasks.Delivered, Status: 204}, b.sender.Deliver(t.Context(), d)); diff != "" {
		t.Error(diff)
	}
	e := b.receiver.Events()[0]
	if want := `{"type":"upload.succeeded","timestamp":"2026-11-22T02:00:00Z","data":{"id":"1"}}`; string(e.Body) != want {
		t.Errorf("body %s, want %s", e.Body, want)
	}
	got := map[string]string{}
	for name := range e.Header {
		got[name] = e.Header.Get(name)
	}
	stamp := strconv.FormatInt(b.clock.now().Unix(), 10)
	want := map[string]string{
		"Accept-Encoding": "gzip", "Content-Length": strconv.Itoa(len(e.Body)), "Content-Type": "application/json", "User-Agent": "mediaferry",
		"Webhook-Id": d.Event.ID.String(), "Webhook-Timestamp": stamp,
		"Webhook-Signature": byHand(t, b.secret, d.Event.ID.String()+"."+stamp+"."+string(e.Body)),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A repetition keeps its id and is signed anew.
func TestDeliverAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	var stamps, ids []string
	note := func(w http.ResponseWriter, r *http.Request) {
		stamps, ids = append(stamps, r.Header.Get("webhook-timestamp")), append(ids, r.Header.Get("webhook-id"))
		w.WriteHeader(500)
	}
	b.receiver.Answer(note, note)
	d := delivery(b.url)
	for range 2 {
		b.sender.Deliver(t.Context(), d)
		d.Attempts++
		b.clock.advance(time.Minute)
	}
	if ids[0] != ids[1] || stamps[0] == stamps[1] {
		t.Errorf("ids %v, timestamps %v", ids, stamps)
	}
	if r := b.sender.Deliver(t.Context(), d); r.State != tasks.Delivered {
		t.Errorf("the third attempt: %+v", r)
	}
}

// While a receiver changes over it knows one of the two secrets, either one.
func TestDeliverRotation(t *testing.T) {
	t.Parallel()
	old, next := webhook.NewSecret(), webhook.NewSecret()
	b := setup(t, nil)
	sender := webhook.New(webhook.Config{Now: b.clock.now, Allow: func(string) []string { return []string{"127.0.0.0/8"} }},
		webhooktest.Secrets(next, old))
	t.Cleanup(sender.Close)
	for _, knows := range []tasks.Secret{old, next} {
		receiver, err := webhooktest.NewReceiver(knows)
		if err != nil {
			t.Fatal(err)
		}
		if r := sender.Deliver(t.Context(), delivery(serve(t, receiver))); r.State != tasks.Delivered {
			t.Errorf("%+v", r)
		}
	}
}

func TestDeliverStatuses(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]tasks.DeliveryResult{
		200: {State: tasks.Delivered, Status: 200},
		202: {State: tasks.Delivered, Status: 202},
		301: {State: tasks.Pending, Status: 301, Reason: "HOST answered 301: redirects are not followed, give the final URL"},
		307: {State: tasks.Pending, Status: 307, Reason: "HOST answered 307: redirects are not followed, give the final URL"},
		400: {State: tasks.Pending, Status: 400, Reason: "HOST answered 400"},
		404: {State: tasks.Pending, Status: 404, Reason: "HOST answered 404"},
		410: {State: tasks.Disabled, Status: 410, Reason: "HOST answered 410: the receiver wants no more events"},
		429: {State: tasks.Pending, Status: 429, Reason: "HOST answered 429"},
		500: {State: tasks.Pending, Status: 500, Reason: "HOST answered 500"},
		503: {State: tasks.Pending, Status: 503, Reason: "HOST answered 503"},
	} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.receiver.Answer(webhooktest.Status(status, "Location", b.url+"/elsewhere?token=secret"))
			r := b.sender.Deliver(t.Context(), delivery(b.url))
			if want.State == tasks.Pending && (r.Retry < 4*time.Second || r.Retry > 6*time.Second) {
				t.Errorf("the pause after the first attempt is %v", r.Retry)
			}
			r.Retry = 0
			want.Reason = strings.Replace(want.Reason, "HOST", strings.TrimPrefix(b.url, "http://"), 1)
			if diff := cmp.Diff(want, r); diff != "" {
				t.Error(diff)
			}
			if total, _ := b.receiver.Requests(); total != 1 {
				t.Errorf("%d requests", total)
			}
		})
	}
}

// Ten attempts, the specification's pauses between them, and then it is given up.
func TestDeliverSchedule(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	d := delivery(b.url)
	var sum time.Duration
	for d.Attempts = range webhook.Attempts {
		b.receiver.Answer(webhooktest.Status(500))
		r := b.sender.Deliver(t.Context(), d)
		last := d.Attempts == webhook.Attempts-1
		if want := map[bool]tasks.DeliveryState{false: tasks.Pending, true: tasks.GivenUp}[last]; r.State != want {
			t.Errorf("attempt %d: %s, want %s", d.Attempts+1, r.State, want)
		}
		if last != (r.Retry == 0) {
			t.Errorf("attempt %d: the pause is %v", d.Attempts+1, r.Retry)
		}
		sum += r.Retry
	}
	if sum < 67*time.Hour || sum > 84*time.Hour {
		t.Errorf("the attempts are spread over %v", sum)
	}
}

func TestDeliverRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Second)
	for header, want := range map[string]time.Duration{
		"120": 2 * time.Minute,
		now.Add(time.Hour).UTC().Format(http.TimeFormat): time.Hour,
		"86401":                webhook.MaxRetryAfter,
		"99999999999999999999": 0,
		"1":                    0, // shorter than the schedule
		"-5":                   0,
		"soon":                 0,
		"Mon, 99 Foo 2026":     0,
		now.Add(-time.Hour).UTC().Format(http.TimeFormat): 0,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			b := setup(t, nil)
			b.clock.at.Store(&now)
			b.receiver.Answer(webhooktest.Status(503, "Retry-After", header))
			r := b.sender.Deliver(t.Context(), delivery(b.url))
			if want == 0 && r.Retry > 6*time.Second || want > 0 && r.Retry != want {
				t.Errorf("the pause is %v, want %v", r.Retry, want)
			}
		})
	}
}

// A slow receiver costs the timeout and no more, whether it is slow before its answer or within.
func TestDeliverSlow(t *testing.T) {
	t.Parallel()
	t.Run("before the answer", func(t *testing.T) {
		t.Parallel()
		b := setup(t, func(cfg *webhook.Config) { cfg.Timeout = 200 * time.Millisecond })
		b.receiver.Answer(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		r := b.sender.Deliver(t.Context(), delivery(b.url))
		if r.State != tasks.Pending || !strings.HasSuffix(r.Reason, ": no answer within 200ms") {
			t.Errorf("%+v", r)
		}
	})
	t.Run("after the status is out", func(t *testing.T) {
		t.Parallel()
		for timeout := 200 * time.Millisecond; ; timeout *= 2 { // a busy machine may need longer for the status
			b := setup(t, func(cfg *webhook.Config) { cfg.Timeout = timeout })
			b.receiver.Answer(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, "x")
				w.(http.Flusher).Flush()
				<-r.Context().Done()
			})
			r := b.sender.Deliver(taskstest.Context(t), delivery(b.url))
			if r.State == tasks.Delivered {
				return
			}
			if timeout > time.Minute || !strings.HasSuffix(r.Reason, ": no answer within "+timeout.String()) {
				t.Fatalf("%+v", r)
			}
		}
	})
}

// A huge answer is read to the bound; then its connection is closed.
func TestDeliverHugeAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	sent := make(chan int)
	b.receiver.Answer(func(w http.ResponseWriter, _ *http.Request) {
		chunk, total := make([]byte, 64<<10), 0
		for total < 1<<30 {
			n, err := w.Write(chunk)
			total += n
			if err != nil {
				break
			}
		}
		sent <- total
	})
	result := make(chan tasks.DeliveryResult, 1)
	go func() { result <- b.sender.Deliver(context.WithoutCancel(t.Context()), delivery(b.url)) }()
	// Socket buffers take what nobody reads: a few MiB, never a GiB.
	if total := <-sent; total > 64<<20 {
		t.Errorf("the receiver got rid of %d bytes", total)
	}
	if r := <-result; r.State != tasks.Delivered {
		t.Errorf("%+v", r)
	}
}

// What the person who reads a reason, or whoever reads the log, must not learn.
func TestDeliverReasonsHideTheURL(t *testing.T) {
	t.Parallel()
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	reset := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	nonsense := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		fmt.Fprint(conn, "HTTP/1.1 secret secret\r\n\r\n")
		conn.Close()
	}))
	tls := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(tls.Close)
	b := setup(t, nil)
	for base, want := range map[string]string{
		closed.URL: "HOST: the connection was refused or could not be made",
		reset:      "HOST: the connection broke before the answer",
		nonsense:   "HOST: the connection broke before the answer",
		tls.URL:    "HOST: its certificate is not valid for it",
		strings.Replace(b.url, "http:", "https:", 1):    "HOST: it does not speak TLS",
		"http://10.0.0.1:1":                             "HOST: there is no such host, or its address is not public; an operator may allow it (webhook.allow)",
		"http://name.invalid":                           "HOST: there is no such host, or its address is not public; an operator may allow it (webhook.allow)",
		strings.Replace(b.url, "http://", "ftp://", 1):  "the webhook's URL is neither https nor http",
		strings.Replace(b.url, "//", "//me:secret@", 1): "the webhook's URL carries a user name or password: leave them out",
		"/only":       "the webhook's URL is not an absolute URL",
		"http://\x7f": "the webhook's URL is not an absolute URL",
	} {
		r := b.sender.Deliver(t.Context(), delivery(base+"/secret?token=secret"))
		u, err := url.Parse(base)
		if err == nil {
			want = strings.Replace(want, "HOST", u.Host, 1)
		}
		if strings.HasSuffix(r.Reason, "could not be looked up") && strings.Contains(base, ".invalid") {
			r.Reason = want // this machine has no resolver to say no
		}
		if r.Reason != want || r.State == tasks.Delivered {
			t.Errorf("%s: %s %q, want %q", base, r.State, r.Reason, want)
		}
	}
}

func TestDeliverTLS(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	server := httptest.NewTLSServer(b.receiver)
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	sender := webhook.New(webhook.Config{Now: b.clock.now, RootCAs: pool, Allow: func(string) []string { return []string{"127.0.0.1"} }},
		webhooktest.Secrets(b.secret))
	t.Cleanup(sender.Close)
	if r := sender.Deliver(t.Context(), delivery(server.URL)); r.State != tasks.Delivered {
		t.Errorf("%+v", r)
	}
}

// Without a secret nothing is sent, rather than something unsigned.
func TestDeliverWithoutSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	sender := webhook.New(webhook.Config{Allow: func(string) []string { return []string{"127.0.0.1"} }}, webhooktest.Secrets())
	t.Cleanup(sender.Close)
	r := sender.Deliver(t.Context(), delivery(b.url))
	if total, _ := b.receiver.Requests(); total != 0 || r.State != tasks.Pending || !strings.HasPrefix(r.Reason, `sign for producer "shop"`) {
		t.Errorf("%d requests, %+v", total, r)
	}
}

// A secret that can't be had, as when its key is lost, burns no attempt and says nothing about the endpoint.
func TestDeliverWaitsForItsSecret(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	sender := webhook.New(webhook.Config{Now: b.clock.now, Allow: func(string) []string { return []string{"127.0.0.1"} }},
		func(_ context.Context, producer string) ([]tasks.Secret, error) {
			return nil, errors.New("the secret of " + producer + " is encrypted with another key")
		})
	t.Cleanup(sender.Close)
	for range 2 * failures {
		r := sender.Deliver(t.Context(), delivery(b.url))
		if r.State != tasks.Pending || !r.Skipped || r.Retry < 54*time.Second || r.Retry > 66*time.Second || r.Reason != "the secret of shop is encrypted with another key" {
			t.Fatalf("%+v", r)
		}
	}
	if total, _ := b.receiver.Requests(); total != 0 {
		t.Errorf("%d requests", total)
	}
}

// An attempt that we give up is none.
func TestDeliverInterrupted(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	b.receiver.Answer(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	r := b.sender.Deliver(ctx, delivery(b.url))
	if diff := cmp.Diff(tasks.DeliveryResult{State: tasks.Pending, Reason: "interrupted", Skipped: true}, r); diff != "" {
		t.Error(diff)
	}
}
