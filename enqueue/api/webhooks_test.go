package api_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// due carries all deliveries that are due, each with that result, and returns their number.
func (p *plant) due(r tasks.DeliveryResult) int {
	p.Helper()
	ds, err := p.DispatchDeliveries(p.Context(), 1000)
	must(p.T, err)
	for _, d := range ds {
		_, token, err := p.ClaimDelivery(p.Context(), d.ID, d.Generation, 1e12)
		must(p.T, err)
		must(p.T, p.FinishDelivery(p.Context(), token, r))
	}
	return len(ds)
}

// A test is a real event to the URL that was named, and its endpoint is shown with what came of it; what failed is sent again,
// all of one URL at once, and nothing of others.
func TestWebhookEndpoints(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	send := func(key, url string) string {
		b := answered[api.TestEvent](t, p.call(key, "POST", "/v1/webhooks/test", `{"url":"`+url+`"}`), http.StatusAccepted)
		return b.Batch.String()
	}
	const a, b, c = "https://a.example/hook", "https://b.example/hook", "https://c.example/hook"
	send(shop, a)
	batch := send(shop, a)
	send(rival, c)
	page := answered[api.DeliveryPage](t, p.call(shop, "GET", "/v1/deliveries?upload="+batch, ""), http.StatusOK)
	if len(page.Deliveries) != 1 || page.Deliveries[0].Event.Type != tasks.BatchCompleted || page.Deliveries[0].URL != a {
		t.Errorf("a test made %+v", page.Deliveries)
	}
	for p.due(tasks.DeliveryResult{State: tasks.GivenUp, Status: 500, Reason: "HTTP 500", Took: 250e6}) > 0 {
	}
	send(shop, b)
	p.due(tasks.DeliveryResult{State: tasks.Delivered, Status: 204})
	send(shop, b) // not tried yet
	got := answered[api.EndpointList](t, p.call(shop, "GET", "/v1/endpoints", ""), http.StatusOK).Endpoints
	type row struct {
		url          string
		health       tasks.EndpointHealth
		status, gone int
	}
	var rows []row
	for _, e := range got {
		rows = append(rows, row{e.URL, e.Health, e.LastStatus, e.Deliveries[tasks.GivenUp]})
	}
	if want := []row{{b, tasks.EndpointWell, 204, 0}, {a, tasks.EndpointFailing, 500, 2}}; !slices.Equal(rows, want) {
		t.Errorf("endpoints %+v, want %+v", rows, want)
	}
	if n := len(answered[api.EndpointList](t, p.call(eye, "GET", "/v1/endpoints", ""), http.StatusOK).Endpoints); n != 3 {
		t.Errorf("a viewer sees %d endpoints, want all 3", n)
	}
	replay := func(key, body string) tasks.Replayed {
		return answered[tasks.Replayed](t, p.call(key, "POST", "/v1/replays", body), http.StatusOK)
	}
	if got := replay(shop, `{"state":"failed","dry_run":true}`); got != (tasks.Replayed{Matched: 2}) {
		t.Errorf("a dry run says %+v", got)
	}
	if got := replay(rival, `{"url":"`+a+`"}`); got != (tasks.Replayed{}) {
		t.Errorf("a rival replays %+v", got)
	}
	if got := replay(boss, `{"state":"failed","url":"`+a+`"}`); got != (tasks.Replayed{Matched: 2, Replayed: 2}) {
		t.Errorf("a replay says %+v", got)
	}
	if n := p.due(tasks.DeliveryResult{State: tasks.Delivered, Status: 200}); n < 2 {
		t.Errorf("%d are due again", n)
	}
	if r := p.call(shop, "POST", "/v1/webhooks/test", `{}`); r.status != tasks.Invalid.Status() {
		t.Errorf("a test without a URL: %d %s", r.status, r.body)
	}
}
