package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestPanicIsAnswered(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) {
		c.Open = map[string]http.Handler{
			"GET /panic": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oops") }),
			"GET /late": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				panic("oops")
			}),
		}
	})
	r := p.call("", "GET", "/panic", "")
	p.refused(r, 500, tasks.Internal, "")
	if strings.Contains(r.body, "oops") {
		t.Error("the panic is told to everybody")
	}
	if r := p.call("", "GET", "/late", ""); r.status != http.StatusAccepted {
		t.Errorf("answered %d", r.status)
	}
	if log := p.log.String(); !strings.Contains(log, "panic=oops") || !strings.Contains(log, r.header.Get("X-Request-Id")) {
		t.Errorf("the log:\n%s", log)
	}
}

// Events go to the producer's URL of the settings where an upload or batch names none.
func TestCallbackOfTheSettings(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) {
		c.CallbackURL = func(producer string) string { return "https://example.com/" + producer }
	})
	p.cancelOne(shop)
	b := answered[api.BatchReceipt](t, p.call(shop, "POST", "/v1/batches", "[]"), http.StatusAccepted)
	page := answered[api.DeliveryPage](t, p.call(shop, "GET", "/v1/deliveries", ""), http.StatusOK)
	if len(page.Deliveries) != 2 || page.Deliveries[0].URL != "https://example.com/shop" || page.Deliveries[1].URL != "https://example.com/shop" {
		t.Errorf("%+v", page)
	}
	if got := answered[tasks.Batch](t, p.call(shop, "GET", "/v1/batches/"+b.ID.String(), ""), 200); got.CallbackURL != "https://example.com/shop" {
		t.Errorf("%+v", got)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	p.submit(shop, one)
	must(t, p.Hold(t.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Errcode: 40164, Reason: "not allowed", Until: p.now().Add(1 << 40)}))
	for key, open := range map[string]int{shop: 0, eye: 1, boss: 1} {
		got := answered[api.AccountList](t, p.call(key, "GET", "/v1/accounts", ""), http.StatusOK).Accounts
		if len(got) != 1 || got[0].Name != "default" || got[0].Hold == nil || got[0].Hold.Errcode != 40164 || got[0].Open != open {
			t.Errorf("%+v", got)
		}
	}
	p.refused(p.call(boss, "POST", "/v1/accounts/other/resume", ""), 404, tasks.NotFound, "no such account")
	for _, want := range []bool{true, false} {
		if got := answered[tasks.Resumption](t, p.call(boss, "POST", "/v1/accounts/default/resume", ""), http.StatusOK); got.Resumed != want {
			t.Errorf("%+v", got)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []api.Config{{}, {Ledger: struct{ api.Ledger }{}}, {Keys: &enqueue.Keyring{}}} {
		if _, err := api.New(c); tasks.CodeOf(err) != tasks.Invalid {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
