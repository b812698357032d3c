package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

const ndjson = "application/x-ndjson"

// post submits a batch as NDJSON.
func (p *plant) post(key, query, body string, headers ...string) reply {
	p.Helper()
	return p.call(key, "POST", "/v1/batches"+query, body, append([]string{"Content-Type", ndjson}, headers...)...)
}

func TestBatchRowByRow(t *testing.T) {
	t.Parallel()
	rows := []string{
		`{"external_id":"r1","type":"image","source":"a.jpg"}`,
		``,
		`{"external_id":"r3","type":"image","source":"a.jpg","sauce":1}`,
		`{"type":`,
		`{"external_id":"r5","type":"image","source":"../a.jpg"}`,
		"{\"type\":\"image\",\"source\":\"\xff\"}",
		`{"type":"image","source":"` + strings.Repeat("a", 70_000) + `"}`,
		`{"type":"image","source":7}`,
		`{"type":"image","source":"a.jpg"} {}`,
		`{"type":"image","source":"last.jpg"}`, // no line end behind it
	}
	want := api.BatchReceipt{Accepted: 2, Refused: 7, First: []tasks.Refusal{
		{Line: 3, ExternalID: "r3", Code: tasks.Invalid, Reason: `read row: unknown field "sauce"`},
		{Line: 4, Code: tasks.Invalid, Reason: "read row: is not JSON: it ends too early"},
		{Line: 5, ExternalID: "r5", Code: tasks.Denied, Reason: `read source: the path has "..": it may not leave its folder`},
		{Line: 6, Code: tasks.Invalid, Reason: "read row: it is not UTF-8"},
		{Line: 7, Code: tasks.Invalid, Reason: "read row: the row has over 65536 bytes"},
		{Line: 8, Code: tasks.Invalid, Reason: "read row: source: want string, not number"},
		{Line: 9, Code: tasks.Invalid, Reason: "read row: there is something after the JSON object"},
	}}
	p := newPlant(t)
	got := answered[api.BatchReceipt](t, p.post(shop, "?callback_url=https%3A%2F%2Fexample.com%2Fh&metadata=%7B%22a%22%3A1%7D", strings.Join(rows, "\n")), http.StatusAccepted)
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(api.BatchReceipt{}, "ID"), cmpopts.IgnoreFields(tasks.Refusal{}, "Params")); diff != "" {
		t.Error(diff)
	}
	b := answered[tasks.Batch](t, p.call(shop, "GET", "/v1/batches/"+got.ID.String(), ""), http.StatusOK)
	wantBatch := tasks.Batch{ID: got.ID, Producer: "shop", CallbackURL: "https://example.com/h", Metadata: []byte(`{"a":1}`), State: tasks.BatchSealed, Round: 1,
		Counts: tasks.BatchCounts{Total: 2, Open: 2, Refused: 7}}
	if diff := cmp.Diff(wantBatch, b, cmpopts.IgnoreFields(tasks.Batch{}, "Submitted", "Plan")); diff != "" {
		t.Error(diff)
	}
	page := answered[api.BatchPage](t, p.call(shop, "GET", "/v1/batches", ""), http.StatusOK)
	if diff := cmp.Diff(api.BatchPage{Batches: []tasks.Batch{b}}, page, cmpopts.IgnoreFields(tasks.Batch{}, "Plan")); diff != "" {
		t.Error(diff)
	}
}

func TestBatchAsArray(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	submit := func(body string) reply { return p.call(shop, "POST", "/v1/batches", body) }
	got := answered[api.BatchReceipt](t, submit(`[`+one+`,{"type":"image"}, 7]`), http.StatusAccepted)
	if got.Accepted != 1 || got.Refused != 2 || got.First[0].Line != 2 || got.First[1].Line != 3 {
		t.Errorf("%+v", got)
	}
	if got := answered[api.BatchReceipt](t, submit(`[]`), http.StatusAccepted); got.Accepted != 0 || got.First == nil {
		t.Errorf("%+v", got)
	}
	p.refused(submit(`[`+one), 422, tasks.Invalid, "it ends too early")
	p.refused(submit(one), 422, tasks.Invalid, "want an array of uploads")
	p.refused(submit(`null`), 422, tasks.Invalid, "want an array of uploads")
	p.refused(p.call(shop, "POST", "/v1/batches", "a,b", "Content-Type", "text/csv"), 415, tasks.Invalid, "Content-Type")
	p.refused(p.post(shop, "?metadata=x", one), 422, tasks.Invalid, "metadata: is not JSON")
	p.refused(p.post(shop, "?callback=x", one), 422, tasks.Invalid, "query.callback: unknown query parameter")
}

// A batch that broke off goes on under its key, and its rows are accepted once.
func TestBatchGoesOn(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	var rows strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&rows, `{"type":"image","source":"%d.jpg"}`+"\n", i)
	}
	whole := rows.String()
	req, err := http.NewRequestWithContext(t.Context(), "POST", p.url+"/v1/batches", &breaking{text: whole[:len(whole)*3/4]})
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+shop)
	req.Header.Set("Content-Type", ndjson)
	req.Header.Set("Idempotency-Key", "night-1")
	if res, err := p.client.Do(req); err == nil {
		res.Body.Close()
		t.Fatalf("a body that broke off was answered %s", res.Status)
	}
	// The server may still be at it: what counts is that both together accept every row once.
	got := answered[api.BatchReceipt](t, p.post(shop, "", whole, "Idempotency-Key", "night-1"), http.StatusAccepted)
	b := answered[tasks.Batch](t, p.call(shop, "GET", "/v1/batches/"+got.ID.String(), ""), http.StatusOK)
	if got.Accepted+got.Existing != 3000 || b.Counts.Total != 3000 || b.State != tasks.BatchSealed || b.ExternalID != "night-1" {
		t.Errorf("%+v\n%+v", got, b)
	}
	again := answered[api.BatchReceipt](t, p.post(shop, "", whole, "Idempotency-Key", "night-1"), http.StatusAccepted)
	if again.ID != got.ID || again.Existing != 3000 || again.Accepted+again.Refused != 0 {
		t.Errorf("%+v", again)
	}
	p.refused(p.post(shop, "?metadata=1", whole, "Idempotency-Key", "night-1"), 409, tasks.Conflict, "")
	other := answered[api.BatchReceipt](t, p.post(rival, "", one, "Idempotency-Key", "night-1"), http.StatusAccepted)
	if other.ID == got.ID {
		t.Error("two producers share a batch")
	}
}

// breaking is a body that ends in the middle.
type breaking struct{ text string }

func (b *breaking) Read(p []byte) (int, error) {
	if b.text == "" {
		return 0, fmt.Errorf("the cable was cut")
	}
	n := copy(p, b.text)
	b.text = b.text[n:]
	return n, nil
}
