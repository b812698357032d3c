// Package webhooktest is a receiver of webhooks for tests and for the demo. It verifies with the reference library of
// Standard Webhooks, and shares no code with the sender.
package webhooktest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/mediaferry/mediaferry/tasks"
)

// maxBody is far above the size of any event.
const maxBody = 1 << 20

// Event is one event as it first arrived.
type Event struct {
	ID     string          `json:"-"` // webhook-id
	Type   tasks.EventType `json:"type"`
	Time   time.Time       `json:"timestamp"`
	Data   json.RawMessage `json:"data"`
	Body   []byte          `json:"-"` // what was signed
	Header http.Header     `json:"-"`
	Count  int             `json:"-"` // number of times that it came
}

// Receiver is an http.Handler that verifies events and keeps one of each webhook-id. It answers 204, 401 if a request does
// not verify, 400 if it is not an event, or what Answer scripted. It is safe for concurrent use.
type Receiver struct {
	verifiers []*standardwebhooks.Webhook

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced by each new event
	order    []string
	events   map[string]Event
	script   []http.HandlerFunc
	requests int
	refused  int
}

// NewReceiver returns a Receiver that accepts events signed with any of the secrets. It returns an error for a malformed
// secret.
func NewReceiver(secrets ...tasks.Secret) (*Receiver, error) {
	r := &Receiver{changed: make(chan struct{}), events: map[string]Event{}}
	for _, s := range secrets {
		wh, err := standardwebhooks.NewWebhook(s.Reveal())
		if err != nil || s == "" {
			return nil, fmt.Errorf("not a webhook secret")
		}
		r.verifiers = append(r.verifiers, wh)
	}
	return r, nil
}

// Answer scripts the answers to the next requests. Each handler answers one request, before it is verified or kept. Use
// http.NotFound, or Status for any status.
func (r *Receiver) Answer(next ...http.HandlerFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.script = append(r.script, next...)
}

// Status answers with a status and headers in pairs.
func Status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

// ServeHTTP takes one request.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	// Read first: a server notices that its client has gone only once the body is through.
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	req.Body = io.NopCloser(bytes.NewReader(body))
	if scripted := r.begin(); scripted != nil {
		scripted(w, req)
		return
	}
	if err != nil {
		r.refuse(w, http.StatusBadRequest)
		return
	}
	if !r.verified(body, req.Header) {
		r.refuse(w, http.StatusUnauthorized)
		return
	}
	event := Event{ID: req.Header.Get(standardwebhooks.HeaderWebhookID), Body: body, Header: req.Header.Clone()}
	if err := json.Unmarshal(body, &event); err != nil || event.Type == "" || event.Time.IsZero() {
		r.refuse(w, http.StatusBadRequest)
		return
	}
	r.keep(event)
	w.WriteHeader(http.StatusNoContent)
}

func (r *Receiver) begin() http.HandlerFunc {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if len(r.script) == 0 {
		return nil
	}
	next := r.script[0]
	r.script = r.script[1:]
	return next
}

func (r *Receiver) verified(body []byte, h http.Header) bool {
	for _, v := range r.verifiers {
		if v.Verify(body, h) == nil {
			return true
		}
	}
	return false
}

func (r *Receiver) refuse(w http.ResponseWriter, status int) {
	r.mu.Lock()
	r.refused++
	r.mu.Unlock()
	w.WriteHeader(status)
}

func (r *Receiver) keep(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	known, again := r.events[e.ID]
	if again {
		known.Count++
		r.events[e.ID] = known
		return
	}
	e.Count = 1
	r.events[e.ID] = e
	r.order = append(r.order, e.ID)
	close(r.changed)
	r.changed = make(chan struct{})
}

// Events returns every distinct event, in the order in which they first came.
func (r *Receiver) Events() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Event, len(r.order))
	for i, id := range r.order {
		out[i] = r.events[id]
	}
	return out
}

// Requests returns the number of requests, and the number of those that did not verify or were not events.
func (r *Receiver) Requests() (total, refused int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.requests, r.refused
}

// Wait returns when at least n distinct events have come. If ctx ends first, it returns its error and the events so far.
func (r *Receiver) Wait(ctx context.Context, n int) ([]Event, error) {
	return r.WaitFor(ctx, func(events []Event) bool { return len(events) >= n })
}

// WaitFor returns when enough reports true. If ctx ends first, it returns its error and the events so far.
func (r *Receiver) WaitFor(ctx context.Context, enough func([]Event) bool) ([]Event, error) {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		events := r.Events()
		if enough(events) {
			return events, nil
		}
		select {
		case <-ctx.Done():
			return events, fmt.Errorf("%d events came: %w", len(events), ctx.Err())
		case <-changed:
		}
	}
}
