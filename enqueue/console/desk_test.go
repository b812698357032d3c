package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/console"
	"github.com/mediaferry/mediaferry/tasks"
)

// desk is a WeChat that answers as it is told.
type desk struct{ refuses error }

func (d desk) Probe(_ context.Context, account string) (tasks.Probe, error) {
	return tasks.Probe{Account: account, Used: 7, DailyLimit: 5000}, d.refuses
}

func (desk) Token(context.Context, string) (tasks.TokenStatus, error) {
	return tasks.TokenStatus{Source: "stable_token", FetchedAt: time.Now().Add(-time.Hour), ExpiresAt: time.Now().Add(time.Hour)}, nil
}

// The page of accounts asks WeChat before a hold is lifted, and says what it said; an operator alone may press it, and a
// producer is told nothing of tokens.
func TestAccountsPage(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		says error
		want string
		held bool
	}{
		"takes it":       {nil, "WeChat takes it, and it goes on.", false},
		"refuses it":     {&tasks.Error{Code: tasks.AccountHeld, Op: "get token", Errcode: 40125}, "40125", true},
		"is not reached": {&tasks.Error{Code: tasks.Unreachable, Op: "get token"}, "could not be asked from here", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlant(t, func(c *console.Config) { c.Asker = desk{tc.says} })
			p.join()
			must(t, p.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Errcode: 40125, Reason: "invalid appsecret", Until: time.Now().Add(time.Hour)}))
			for key, status := range map[string]int{shop: http.StatusForbidden, eye: http.StatusForbidden} {
				for _, button := range []string{"resume", "probe"} {
					if res, _ := p.signedIn(key).post("/accounts/shop/"+button, nil); res.StatusCode != status {
						t.Errorf("%s by %s: %d", button, key, res.StatusCode)
					}
				}
			}
			b := p.signedIn(boss)
			if _, body := b.post("/accounts/shop/probe", nil); strings.Contains(body, "7 of 5,000") == (tc.says != nil) {
				t.Errorf("a probe says %s", body)
			}
			if res, body := b.post("/accounts/shop/resume", nil); res.StatusCode != http.StatusOK || !strings.Contains(body, tc.want) {
				t.Errorf("resume: %d %s", res.StatusCode, body)
			}
			_, body := b.get("/accounts")
			if held := strings.Contains(body, "Resume this account"); held != tc.held {
				t.Errorf("it is held: %v", held)
			}
			if !strings.Contains(body, "stable_token of WeChat") {
				t.Error("the source of the token is not shown")
			}
			if _, body := p.signedIn(shop).get("/accounts"); strings.Contains(body, "stable_token") {
				t.Error("a producer is told of the token")
			}
		})
	}
	if res, _ := newPlant(t).signedIn(boss).post("/accounts/nobody/resume", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("an account that is not there: %d", res.StatusCode)
	}
}

// A test event goes to its URL, which is listed with its health; all deliveries of a choice are sent again, after a question.
func TestWebhooksPage(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	const hook = "https://crm.example/hook"
	b := p.signedIn(shop)
	if res, _ := p.signedIn(eye).post("/webhooks/test", url.Values{"url": {hook}}); res.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer: %d", res.StatusCode)
	}
	for range 2 {
		if res, body := b.post("/webhooks/test", url.Values{"url": {hook}}); res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
	}
	if _, body := b.get("/webhooks"); !strings.Contains(body, "Not tried yet") {
		t.Error("an endpoint is not shown before it was tried")
	}
	ds, err := p.DispatchDeliveries(t.Context(), 10)
	must(t, err)
	for _, d := range ds {
		_, token, err := p.ClaimDelivery(t.Context(), d.ID, d.Generation, time.Minute)
		must(t, err)
		must(t, p.FinishDelivery(t.Context(), token, tasks.DeliveryResult{State: tasks.GivenUp, Status: 503, Reason: "HTTP 503"}))
	}
	if _, body := b.get("/webhooks"); !strings.Contains(body, "Failing") || !strings.Contains(body, "HTTP 503") {
		t.Error("a failing endpoint is not shown")
	}
	all := url.Values{"state": {"failed"}, "url": {hook}}
	if _, body := b.post("/webhooks/replays", all); !strings.Contains(body, "2 deliveries match") || !strings.Contains(body, "Send 2 events again") {
		t.Errorf("it does not ask: %s", body)
	}
	if _, body := p.signedIn(rival).post("/webhooks/replays", all); !strings.Contains(body, "No delivery matches") {
		t.Error("a rival is offered them")
	}
	all.Set("sure", "1")
	if _, body := b.post("/webhooks/replays", all); !strings.Contains(body, "2 events are sent again") {
		t.Errorf("they are not sent: %s", body)
	}
	if ds, err := p.DispatchDeliveries(t.Context(), 10); err != nil || len(ds) != 2 {
		t.Errorf("%d are due, %v", len(ds), err)
	}
}
