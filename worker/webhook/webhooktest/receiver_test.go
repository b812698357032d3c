package webhooktest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/webhook"
	"github.com/mediaferry/mediaferry/worker/webhook/webhooktest"
)

// post sends a body that was signed by the secret, and returns the status.
func post(t *testing.T, r *webhooktest.Receiver, id, body string, secret tasks.Secret, at time.Time) int {
	t.Helper()
	header, err := webhook.Sign(id, at, []byte(body), secret)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	req.Header = header
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w.Code
}

func TestReceiver(t *testing.T) {
	t.Parallel()
	secret := webhook.NewSecret()
	r, err := webhooktest.NewReceiver(secret)
	if err != nil {
		t.Fatal(err)
	}
	const event = `{"type":"upload.failed","timestamp":"2026-11-22T02:00:00Z","data":{}}`
	r.Answer(webhooktest.Status(503))
	now := time.Now()
	for i, c := range []struct {
		id, body string
		secret   tasks.Secret
		at       time.Time
		want     int
	}{
		{"a", event, secret, now, 503},
		{"a", event, secret, now, 204},
		{"a", event, secret, now, 204},
		{"b", event, secret, now, 204},
		{"c", event, webhook.NewSecret(), now, 401},
		{"d", event, secret, now.Add(-time.Hour), 401},
		{"e", `{"type":"x"}`, secret, now, 400},
		{"f", `[]`, secret, now, 400},
	} {
		if got := post(t, r, c.id, c.body, c.secret, c.at); got != c.want {
			t.Errorf("request %d: %d, want %d", i, got, c.want)
		}
	}
	events, err := r.Wait(t.Context(), 2)
	if err != nil || len(events) != 2 || events[0].ID != "a" || events[0].Count != 2 || events[1].Count != 1 {
		t.Errorf("%+v, %v", events, err)
	}
	if total, refused := r.Requests(); total != 8 || refused != 4 {
		t.Errorf("%d requests, %d refused", total, refused)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if events, err := r.Wait(ctx, 3); err == nil || len(events) != 2 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if _, err := webhooktest.NewReceiver(""); err == nil {
		t.Error("an empty secret was taken")
	}
}
