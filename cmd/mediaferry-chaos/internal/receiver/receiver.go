// Package receiver is a webhook endpoint of producers, which can misbehave.
package receiver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
	"github.com/mediaferry/mediaferry/tasks"
)

// Mode is how the receiver behaves.
type Mode int8

const (
	Healthy     Mode = iota
	Down             // it breaks every connection
	Slow             // it accepts, and answers after slowAnswer
	Failing          // it answers 500
	Redirecting      // it answers 307 to a path that accepts everything
	VerySlow         // it accepts, and answers after scenario.SlowAnswer
)

const slowAnswer = 700 * time.Millisecond

// Receiver verifies webhooks with the reference library of Standard Webhooks, and records every request.
type Receiver struct {
	name     string
	verifier *standardwebhooks.Webhook

	mu    sync.Mutex
	mode  Mode
	hooks []history.Webhook
}

// New makes a healthy receiver.
func New(name string, secret tasks.Secret) (*Receiver, error) {
	v, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		return nil, fmt.Errorf("make webhook verifier: %w", err)
	}
	return &Receiver{name: name, verifier: v}, nil
}

// redirected is the path that redirects lead to. No request may arrive there.
const redirected = "/elsewhere"

// Set changes how it behaves.
func (r *Receiver) Set(m Mode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = m
}

func (r *Receiver) current() Mode {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mode
}

// ServeHTTP takes one webhook.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	const limit = 1 << 20
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
	if err != nil {
		return // the sender went away
	}
	h := history.Webhook{At: time.Now(), Receiver: r.name, ID: req.Header.Get(standardwebhooks.HeaderWebhookID), Verified: r.verifier.VerifyIgnoringTimestamp(body, req.Header) == nil}
	h.Stale = h.Verified && r.verifier.Verify(body, req.Header) != nil
	var e struct {
		Type tasks.EventType `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &e) == nil {
		h.Type, h.Data = e.Type, e.Data
	}
	if req.URL.Path == redirected {
		h.Verified = false // a redirect was followed
	}
	mode := r.current()
	h.Answer = map[Mode]int{Healthy: 204, Slow: 204, VerySlow: 204, Failing: 500, Redirecting: 307}[mode]
	r.keep(h)
	switch mode {
	case Down:
		panic(http.ErrAbortHandler) // net/http's way to break the connection
	case Slow:
		pause(req.Context(), slowAnswer)
	case VerySlow:
		pause(req.Context(), scenario.SlowAnswer)
	case Redirecting:
		w.Header().Set("Location", redirected)
	default:
	}
	w.WriteHeader(h.Answer)
}

// pause returns early when the sender has gone away.
func pause(ctx context.Context, d time.Duration) { _ = wait.Sleep(ctx, d) }

func (r *Receiver) keep(h history.Webhook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks = append(r.hooks, h)
}

// Requests returns all requests so far.
func (r *Receiver) Requests() []history.Webhook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]history.Webhook(nil), r.hooks...)
}
