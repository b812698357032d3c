package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

const one = `{"type":"image","source":"a/b.jpg"}`

func TestSubmitAndFollow(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	r := p.call(shop, "POST", "/v1/uploads", `{"external_id":"e1","type":"image","source":"a/b.jpg","metadata":{"n":1},"priority":"interactive"}`)
	receipt := answered[api.Receipt](t, r, http.StatusAccepted)
	if diff := cmp.Diff(api.Receipt{ID: receipt.ID, State: tasks.Queued, Created: true}, receipt); diff != "" || r.header.Get("Location") != "/v1/uploads/"+receipt.ID.String() {
		t.Errorf("%s%v", diff, r.header)
	}
	p.finish(receipt.ID, success("MEDIA-1"))
	got := answered[tasks.Outcome](t, p.call(shop, "GET", r.header.Get("Location"), ""), http.StatusOK)
	want := tasks.Outcome{
		ID: receipt.ID, ExternalID: "e1", Producer: "shop", Account: "default", Type: tasks.Image, Source: "a/b.jpg", Filename: "b.jpg",
		State: tasks.Succeeded, Attempts: 1, Round: 1, MediaID: "MEDIA-1", Size: 7, Metadata: []byte(`{"n":1}`),
		SHA256: tasks.HashOf([]byte("MEDIA-1")).String(), History: []tasks.Attempt{{Round: 1, Number: 1, Took: 1500 * time.Millisecond}},
		Current: &tasks.CurrentMedia{MediaID: "MEDIA-1"},
	}
	times := cmp.Options{cmpopts.IgnoreTypes(time.Time{})}
	if diff := cmp.Diff(want, got, times); diff != "" {
		t.Error(diff)
	}
}

// A later date is the same request, and extends it. The outcome stays, and says what its content has now.
func TestKeepFresh(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) { c.MaxKept = func(string) int { return 1 } })
	must(t, p.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{account}))
	until := time.Now().UTC().Truncate(time.Second).Add(time.Hour)
	ask := func(until time.Time) reply {
		return p.call(shop, "POST", "/v1/uploads", `{"type":"image","source":"a/b.jpg","keep_fresh_until":"`+until.Format(time.RFC3339)+`"}`, "Idempotency-Key", "k1")
	}
	id := answered[api.Receipt](t, ask(until), http.StatusAccepted).ID
	p.finish(id, success("MEDIA-1"))
	if _, err := p.RenewMedia(t.Context(), "MEDIA-1", nil, "shop"); err != nil {
		t.Fatal(err)
	}
	later := until.Add(time.Hour)
	for _, date := range []time.Time{later, until} {
		if got := answered[api.Receipt](t, ask(date), http.StatusAccepted); got.ID != id || got.Created {
			t.Errorf("repeated until %s: %+v", date, got)
		}
	}
	got := answered[tasks.Outcome](t, p.call(shop, "GET", "/v1/uploads/"+id.String(), ""), http.StatusOK)
	if got.MediaID != "MEDIA-1" || got.Current == nil || got.Current.MediaID != "MEDIA-1" || !got.KeepFresh.Equal(later) {
		t.Errorf("%+v", got)
	}
	page := answered[api.OutcomePage](t, p.call(boss, "GET", "/v1/uploads", ""), http.StatusOK)
	if len(page.Uploads) != 1 {
		t.Errorf("%d uploads are listed: its renewal is the ledger's own", len(page.Uploads))
	}
	p.refused(p.call(shop, "POST", "/v1/uploads", `{"type":"image","source":"c.jpg","keep_fresh_until":"`+later.Format(time.RFC3339)+`"}`), 422, tasks.Invalid, "no more than 1 contents")
	p.refused(p.call(shop, "POST", "/v1/uploads", `{"type":"image","source":"c.jpg","keep_fresh_until":"2020-01-01T00:00:00Z"}`), 422, tasks.Invalid, "in the past")
}

func TestStrictDecoding(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	for name, tc := range map[string]struct {
		body, words string
		status      int
	}{
		"unknown field": {`{"type":"image","source":"a","sauce":1}`, "body.sauce: unexpected property", 422},
		"wrong type":    {`{"type":"image","source":7}`, "body.source: expected string", 422},
		"wrong enum":    {`{"type":"gif","source":"a"}`, "body.type: ", 422},
		"missing":       {`{"type":"image"}`, "source", 422},
		"trailing":      {one + `{}`, "body: is not JSON: invalid character '{' after top-level value", 400},
		"not JSON":      {`{"type":`, "body: is not JSON", 400},
		"empty":         {` `, "body: is not JSON", 400},
		"an array":      {`[]`, "expected object", 422},
		"wrong time":    {`{"type":"image","source":"a","expires_by":"soon"}`, "body.expires_by", 422},
		"too large":     {`{"type":"image","source":"` + strings.Repeat("a", 1<<20) + `"}`, "over 1048576 bytes", 413},
		"leaves root":   {`{"type":"image","source":"../a"}`, `has ".."`, 422},
		"local":         {`{"type":"image","source":"file:///etc#passwd"}`, "only the command line", 422},
		"long metadata": {`{"type":"image","source":"a","metadata":"` + strings.Repeat("x", 17<<10) + `"}`, "metadata: has", 422},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code := tasks.Invalid
			if name == "leaves root" || name == "local" {
				code = tasks.Denied
			}
			q := p.in(t)
			q.refused(q.call(shop, "POST", "/v1/uploads", tc.body), tc.status, code, tc.words)
		})
	}
}
