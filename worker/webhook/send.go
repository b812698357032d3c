package webhook

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// The defaults of a Config.
const (
	Timeout     = 15 * time.Second
	MaxResponse = 64 << 10
)

// Sender delivers events. It is safe for concurrent use.
type Sender struct {
	cfg      Config
	secrets  Secrets
	clients  *clients
	breakers *breakers
}

// Secrets returns the secrets that sign the events of a producer: several while a receiver changes to a new one. It is
// called for each attempt, concurrently. While it returns an error the producer's deliveries wait, and no attempt counts.
type Secrets func(ctx context.Context, producer string) ([]tasks.Secret, error)

// secretPause is the pause of a delivery without a secret: an operator has to act, or the ledger is away.
const secretPause = time.Minute

// New returns a Sender that signs with secrets.
func New(cfg Config, secrets Secrets) *Sender {
	cfg.Timeout = cmp.Or(cfg.Timeout, Timeout)
	cfg.MaxResponse = cmp.Or(cfg.MaxResponse, MaxResponse)
	cfg.Attempts = cmp.Or(cfg.Attempts, Attempts)
	cfg.UserAgent = cmp.Or(cfg.UserAgent, "mediaferry")
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Sender{cfg: cfg, secrets: secrets, clients: newClients(cfg), breakers: newBreakers()}
}

// Close closes idle connections.
func (s *Sender) Close() { s.clients.close() }

// Deliver makes the attempt after d.Attempts. The result is Delivered for a 2xx, Disabled for a 410, GivenUp if it was the
// last attempt or the URL can never be called, and otherwise Pending with the pause before the next one. Skipped is set if
// the breaker is open, or if ctx ended first. The reason names only the host of the URL, since paths and queries of
// webhooks often are secret.
func (s *Sender) Deliver(ctx context.Context, d tasks.Delivery) tasks.DeliveryResult {
	u, err := target(d.URL)
	if err != nil {
		return tasks.DeliveryResult{State: tasks.GivenUp, Reason: err.Error()}
	}
	endpoint := d.Event.Producer + " " + u.Scheme + "://" + strings.ToLower(u.Host)
	if wait := s.breakers.admit(endpoint, s.cfg.Now()); wait > 0 {
		return tasks.DeliveryResult{
			State: tasks.Pending, Skipped: true, Retry: max(jitter(wait), pause(d.Attempts+1, 0)),
			Reason: fmt.Sprintf("%s failed %d times in a row and is left alone for now", u.Host, breakerFailures),
		}
	}
	started := s.cfg.Now()
	a := s.attempt(ctx, d, u)
	a.took = s.cfg.Now().Sub(started)
	if s.breakers.report(endpoint, a.verdict, s.cfg.Now()) {
		s.cfg.Log.Warn("webhook endpoint is left alone", "producer", d.Event.Producer, "host", u.Host, "reason", a.reason, "for", breakerOpen)
	}
	return s.judge(d, a)
}

// answer is the result of one request.
type answer struct {
	status  int // 0: no answer
	reason  string
	asked   time.Duration // Retry-After
	verdict verdict
	skipped bool // we gave it up
	took    time.Duration
}

// attempt makes the request.
func (s *Sender) attempt(ctx context.Context, d tasks.Delivery, u *url.URL) answer {
	limited, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	secrets, err := s.secrets(limited, d.Event.Producer)
	if err != nil {
		return answer{reason: err.Error(), verdict: unproven, skipped: true, asked: jitter(secretPause)}
	}
	req, err := s.request(limited, d, u, secrets)
	if err != nil {
		return answer{reason: err.Error(), verdict: unproven}
	}
	resp, err := s.clients.of(s.allowed(d.Event)).Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return answer{reason: "interrupted", verdict: unproven, skipped: true}
		}
		return answer{reason: u.Host + ": " + s.explain(err), verdict: verdictOf(err)}
	}
	defer resp.Body.Close()
	// The connection can be used again if the answer was read to its end. A longer answer costs the connection.
	_, _ = io.CopyN(io.Discard, resp.Body, s.cfg.MaxResponse)
	return s.read(resp, u.Host)
}

func (s *Sender) request(ctx context.Context, d tasks.Delivery, u *url.URL, secrets []tasks.Secret) (*http.Request, error) {
	event := d.Event
	event.Time = event.Time.UTC()
	body, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode event: %w", err)
	}
	header, err := Sign(event.ID.String(), s.cfg.Now(), body, secrets...)
	if err != nil {
		return nil, fmt.Errorf("sign for producer %q: %w", event.Producer, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, tasks.Textf("the URL can't be called")
	}
	req.Header = header
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", s.cfg.UserAgent)
	return req, nil
}

// read judges an answer by its status. An overloaded or dead backend counts against the endpoint, as a missing answer does.
// Any other status shows that the endpoint is alive.
func (s *Sender) read(resp *http.Response, host string) answer {
	a := answer{status: resp.StatusCode, asked: retryAfter(resp.Header, s.cfg.Now())}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return a
	case code >= 300 && code < 400:
		a.reason = fmt.Sprintf("%s answered %d: redirects are not followed, give the final URL", host, code)
	case code == http.StatusGone:
		a.reason = host + " answered 410: the receiver wants no more events"
	case code == http.StatusTooManyRequests, code == http.StatusBadGateway, code == http.StatusServiceUnavailable, code == http.StatusGatewayTimeout:
		a.reason = fmt.Sprintf("%s answered %d", host, code)
		a.verdict = down
	default:
		a.reason = fmt.Sprintf("%s answered %d", host, code)
	}
	return a
}

// judge returns the result for the ledger.
func (s *Sender) judge(d tasks.Delivery, a answer) tasks.DeliveryResult {
	r := tasks.DeliveryResult{State: tasks.Pending, Status: a.status, Reason: a.reason, Took: a.took}
	attempts := d.Attempts + 1
	switch {
	case a.skipped:
		r.Skipped, r.Took, r.Retry = true, 0, a.asked
	case a.status >= 200 && a.status < 300:
		r.State = tasks.Delivered
	case a.status == http.StatusGone:
		r.State = tasks.Disabled
	case attempts >= s.cfg.Attempts:
		r.State = tasks.GivenUp
	default:
		r.Retry = pause(attempts, a.asked)
	}
	return r
}

// target parses the URL of a delivery. Its errors do not show the URL.
func target(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Hostname() == "", u.Opaque != "":
		return nil, tasks.Textf("the webhook's URL is not an absolute URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, tasks.Textf("the webhook's URL is neither https nor http")
	case u.User != nil:
		return nil, tasks.Textf("the webhook's URL carries a user name or password: leave them out")
	}
	return u, nil
}
