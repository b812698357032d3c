package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

// things are what belongs to a producer, for the routes that name one thing.
type things struct{ upload, failed, batch, delivery, media, action string }

func (p *plant) things(key string) things {
	p.Helper()
	var th things
	th.upload = p.submit(key, one).ID.String()
	failed := p.submit(key, `{"type":"image","source":"a/b.jpg","callback_url":"https://example.com/hook"}`).ID
	p.finish(failed, failure(tasks.Rejected, 40004))
	th.failed = failed.String()
	media := p.submit(key, one).ID
	th.media = "MEDIA-" + media.String()
	p.finish(media, success(th.media))
	th.batch = answered[api.BatchReceipt](p.T, p.call(key, "POST", "/v1/batches", "["+one+"]"), http.StatusAccepted).ID.String()
	page := answered[api.DeliveryPage](p.T, p.call(key, "GET", "/v1/deliveries?upload="+th.failed, ""), http.StatusOK)
	th.delivery = page.Deliveries[0].ID.String()
	th.action = answered[tasks.Action](p.T, p.call(key, "POST", "/v1/cancellations", `{"filter":{"code":"none"}}`), http.StatusAccepted).ID.String()
	return th
}

// call is how the matrix calls one operation on things.
type matrixCall struct {
	path, body string
	headers    []string
	// own says that the route names one thing: a foreign one is answered 404.
	own bool
	// status is the answer where all is well.
	status int
}

// calls says how each operation is called. An operation that is not in it fails the test.
func calls(th things) map[string]matrixCall {
	form := []string{"Content-Type", "multipart/form-data; boundary=B"}
	return map[string]matrixCall{
		"submit-upload":     {path: "/v1/uploads", body: one, status: 202},
		"get-upload":        {path: "/v1/uploads/" + th.upload, own: true, status: 200},
		"list-uploads":      {path: "/v1/uploads", status: 200},
		"retry-upload":      {path: "/v1/uploads/" + th.failed + "/retry", own: true, status: 200},
		"cancel-upload":     {path: "/v1/uploads/" + th.upload + "/cancel", own: true, status: 200},
		"retry-uploads":     {path: "/v1/retries", body: `{"filter":{},"dry_run":true}`, status: 200},
		"cancel-uploads":    {path: "/v1/cancellations", body: `{"filter":{},"dry_run":true}`, status: 200},
		"list-actions":      {path: "/v1/actions", status: 200},
		"get-action":        {path: "/v1/actions/" + th.action, own: true, status: 200},
		"stop-action":       {path: "/v1/actions/" + th.action + "/stop", own: true, status: 200},
		"submit-batch":      {path: "/v1/batches", body: "[" + one + "]", status: 202},
		"list-batches":      {path: "/v1/batches", status: 200},
		"get-batch":         {path: "/v1/batches/" + th.batch, own: true, status: 200},
		"cancel-batch":      {path: "/v1/batches/" + th.batch + "/cancel", own: true, status: 202},
		"batch-results":     {path: "/v1/batches/" + th.batch + "/results", own: true, status: 200},
		"send-files":        {path: "/v1/files", body: formOf("a.jpg", "bytes"), headers: form, status: 201},
		"get-media":         {path: "/v1/media", body: `{"type":"image","source":"a.jpg","wait":0}`, status: 202},
		"forget-media":      {path: "/v1/media/" + th.media, status: 204},
		"list-media":        {path: "/v1/media?kept=false", status: 200},
		"show-media":        {path: "/v1/media/" + th.media, status: 200},
		"renew-media":       {path: "/v1/media/" + th.media + "/renew?wait=0", status: 202},
		"invalid-media":     {path: "/v1/media/" + th.media + "/invalid", status: 200},
		"list-accounts":     {path: "/v1/accounts", status: 200},
		"probe-account":     {path: "/v1/accounts/default/probe", status: 200},
		"list-endpoints":    {path: "/v1/endpoints", status: 200},
		"replay-deliveries": {path: "/v1/replays", body: `{"state":"failed","dry_run":true}`, status: 200},
		"test-webhook":      {path: "/v1/webhooks/test", body: `{"url":"https://example.com/hook"}`, status: 202},
		"resume-account":    {path: "/v1/accounts/default/resume", status: 200},
		"list-deliveries":   {path: "/v1/deliveries", status: 200},
		"replay-delivery":   {path: "/v1/deliveries/" + th.delivery + "/replay", own: true, status: 202},
		"get-status":        {path: "/v1/status", status: 200},
		"get-series":        {path: "/v1/series", status: 200},
		"list-failures":     {path: "/v1/failures", status: 200},
		"get-system":        {path: "/v1/system", status: 200},
		"list-processes":    {path: "/v1/processes", status: 200},
		"follow-events":     {path: "/v1/events?after=-1", status: 422}, // let in, and refused for its query: a stream has no end
	}
}

// formOf is a form with one file.
func formOf(filename, content string) string {
	return "--B\r\nContent-Disposition: form-data; name=\"media\"; filename=\"" + filename + "\"\r\n\r\n" + content + "\r\n--B--\r\n"
}

// roles is who may call the operations of each access.
var roles = map[string][]string{
	"read":    {shop, boss, eye},
	"watch":   {boss, eye},
	"submit":  {shop, boss},
	"operate": {boss},
}

// operation is what the matrix needs of the OpenAPI document.
type operation struct {
	ID     string `json:"operationId"`
	Access string `json:"x-access"`
}

func (p *plant) operations() map[string][]operation { // by method
	p.Helper()
	r := p.call(eye, "GET", "/openapi.json", "")
	doc := answered[struct {
		Paths map[string]map[string]json.RawMessage `json:"paths"`
	}](p.T, r, http.StatusOK)
	all := map[string][]operation{}
	for path, methods := range doc.Paths {
		for method, raw := range methods {
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil || op.ID == "" {
				p.Errorf("%s %s: %v", method, path, err)
			}
			all[strings.ToUpper(method)] = append(all[strings.ToUpper(method)], op)
		}
	}
	return all
}

// Every operation of the document, by every role, on what is its own and what is foreign.
func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withInbox(t), func(c *api.Config) { c.Asker = well{} })
	seen := 0
	for method, ops := range p.operations() {
		for _, op := range ops {
			seen++
			if _, ok := calls(things{})[op.ID]; !ok {
				t.Errorf("%s is not in the matrix: say who may do it", op.ID)
				continue
			}
			if roles[op.Access] == nil {
				t.Errorf("%s has the access %q", op.ID, op.Access)
			}
			p.tries(method, op)
		}
	}
	if seen != len(calls(things{})) {
		t.Errorf("the document has %d operations, the matrix %d", seen, len(calls(things{})))
	}
}

// tries calls one operation with every key: first with those that can do nothing, then with the others, whose things
// are made anew, since the operation may end them.
func (p *plant) tries(method string, op operation) {
	p.Helper()
	refused := p.things(shop)
	for _, who := range []struct{ name, key string }{
		{"no key", ""}, {"an unknown key", nobody}, {"a viewer", eye}, {"a foreign producer", rival}, {"the producer", shop}, {"an operator", boss},
	} {
		th := refused
		if who.key == shop || who.key == boss {
			th = p.things(shop)
		}
		if id, err := uuid.Parse(th.action); err == nil {
			defer func() { _, _ = p.StopAction(p.Context(), id) }() // a producer may have a hundred of them under way
		}
		c := calls(th)[op.ID]
		want := c.status
		switch {
		case who.key == "" || who.key == nobody:
			want = http.StatusUnauthorized
		case who.key == rival && !slices.Contains(roles[op.Access], shop), who.key != rival && !slices.Contains(roles[op.Access], who.key):
			want = http.StatusForbidden
		case who.key == rival && c.own:
			want = http.StatusNotFound
		}
		if got := p.call(who.key, method, c.path, c.body, c.headers...); got.status != want {
			p.Errorf("%s: %s %s is answered %d, want %d: %s", who.name, method, c.path, got.status, want, got.body)
		}
		p.pass(failEvery) // unknown keys are slowed down elsewhere
	}
}

// failEvery is how often an address may try a key that is unknown.
const failEvery = 6 * time.Second

// What lists show: a producer's own, everybody's to the others, and nothing of others by any filter.
func TestListsShowOnesOwn(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	mine, theirs := p.things(shop), p.things(rival)
	for _, list := range []struct{ path, mine, theirs string }{
		{"/v1/uploads", mine.upload, theirs.upload},
		{"/v1/uploads?producer=shop", mine.upload, theirs.upload},
		{"/v1/uploads?q=a/b", mine.upload, theirs.upload},
		{"/v1/batches", mine.batch, theirs.batch},
		{"/v1/batches?producer=shop", mine.batch, theirs.batch},
		{"/v1/deliveries", mine.delivery, theirs.delivery},
		{"/v1/actions", mine.action, theirs.action},
		{"/v1/actions?producer=shop", mine.action, theirs.action},
		{"/v1/deliveries?producer=shop", mine.delivery, theirs.delivery},
		{"/v1/deliveries?url=https://example.com/hook", mine.delivery, theirs.delivery},
	} {
		asShop, asRival, asEye := p.call(shop, "GET", list.path, "").body, p.call(rival, "GET", list.path, "").body, p.call(eye, "GET", list.path, "").body
		all := !strings.Contains(list.path, "producer=")
		if !strings.Contains(asShop, list.mine) || strings.Contains(asShop, list.theirs) ||
			!strings.Contains(asRival, list.theirs) || strings.Contains(asRival, list.mine) ||
			!strings.Contains(asEye, list.mine) || strings.Contains(asEye, list.theirs) != all {
			t.Errorf("%s shows the wrong things:\n%s\n%s\n%s", list.path, asShop, asRival, asEye)
		}
	}
	for _, path := range []string{"/v1/uploads?batch=" + mine.batch, "/v1/deliveries?upload=" + mine.failed} {
		if r := p.call(rival, "GET", path, ""); r.status != 200 || strings.Contains(r.body, `"id"`) {
			t.Errorf("%s shows the rival %d %s", path, r.status, r.body)
		}
	}
}

// Routes that the document does not have are behind a key as well.
func TestOtherRoutes(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) {
		show := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "shown") })
		c.Open = map[string]http.Handler{"GET /healthz": show}
		c.Closed = map[string]http.Handler{"GET /metrics": show}
	})
	for _, tc := range []struct {
		key, path string
		want      int
	}{
		{"", "/healthz", 200},
		{"", "/metrics", 401}, {nobody, "/metrics", 401}, {shop, "/metrics", 403}, {eye, "/metrics", 200}, {boss, "/metrics", 200},
		{"", "/openapi.json", 401}, {shop, "/openapi.json", 200},
		{"", "/openapi.yaml", 401}, {shop, "/openapi.yaml", 404}, {shop, "/docs", 404}, {shop, "/schemas/Outcome.json", 404},
		{"", "/nowhere", 401}, {shop, "/nowhere", 404},
	} {
		if got := p.call(tc.key, "GET", tc.path, ""); got.status != tc.want {
			t.Errorf("%s with %q is answered %d, want %d", tc.path, tc.key, got.status, tc.want)
		}
	}
}
