package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook"
)

// receiverMode is how the receiver behaves.
type receiverMode int8

const (
	receiverWell     receiverMode = iota
	receiverDown                  // breaks every connection
	receiverSlow                  // takes it, and answers late
	receiverBroken                // takes it, and answers 500
	receiverRedirect              // answers 307 to an address where a second receiver would take everything
)

const slowAnswer = 700 * time.Millisecond

// receiver is the producers' webhook endpoint. It verifies with the reference library and writes down every request.
type receiver struct {
	verifier *standardwebhooks.Webhook
	secret   tasks.Secret

	mu    sync.Mutex
	mode  receiverMode
	hooks []hook
}

func newReceiver() (*receiver, error) {
	secret := webhook.NewSecret()
	v, err := standardwebhooks.NewWebhook(secret.Reveal())
	if err != nil {
		return nil, fmt.Errorf("make webhook verifier: %w", err)
	}
	return &receiver{verifier: v, secret: secret}, nil
}

// elsewhere is the path that redirects lead to. Nothing may ever arrive there.
const elsewhere = "/elsewhere"

func (r *receiver) set(m receiverMode) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mode = m
}

func (r *receiver) behaviour() receiverMode {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.mode
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	const limit = 1 << 20
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, limit))
	if err != nil {
		return // the sender went away
	}
	h := hook{At: time.Now(), ID: req.Header.Get(standardwebhooks.HeaderWebhookID), Verified: r.verifier.VerifyIgnoringTimestamp(body, req.Header) == nil}
	h.Stale = h.Verified && r.verifier.Verify(body, req.Header) != nil
	var e struct {
		Type tasks.EventType `json:"type"`
		Data json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &e) == nil {
		h.Type, h.Data = e.Type, e.Data
	}
	if req.URL.Path == elsewhere {
		h.Verified = false // a redirect was followed
	}
	mode := r.behaviour()
	h.Answer = map[receiverMode]int{receiverWell: 204, receiverSlow: 204, receiverBroken: 500, receiverRedirect: 307}[mode]
	r.keep(h)
	switch mode {
	case receiverDown:
		panic(http.ErrAbortHandler) // net/http's way to break the connection
	case receiverSlow:
		time.Sleep(slowAnswer)
	case receiverRedirect:
		w.Header().Set("Location", elsewhere)
	default:
	}
	w.WriteHeader(h.Answer)
}

func (r *receiver) keep(h hook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hooks = append(r.hooks, h)
}

func (r *receiver) record() []hook {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]hook(nil), r.hooks...)
}
