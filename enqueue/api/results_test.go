package api_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestResults(t *testing.T) {
	t.Parallel()
	p := newPlant(t, func(c *api.Config) { c.Cell = manifest.Neutralize })
	var rows strings.Builder
	const n = 2500 // more than two pages
	for i := range n {
		fmt.Fprintf(&rows, `{"external_id":"=%d","type":"image","source":"%d.jpg"}`+"\n", i, i)
	}
	rows.WriteString("{}\n")
	b := answered[api.BatchReceipt](t, p.post(shop, "", rows.String()), http.StatusAccepted)
	first := answered[api.OutcomePage](t, p.call(shop, "GET", "/v1/uploads?q=%3D0", ""), 200).Uploads[0]
	p.finish(first.ID, success("-MEDIA"))

	at := "/v1/batches/" + b.ID.String() + "/results"
	r := p.call(shop, "GET", at+"?format=csv", "")
	if r.status != 200 || r.header.Get("Content-Type") != "text/csv; charset=utf-8" || !strings.HasPrefix(r.body, "\ufeffupload_id,external_id,line,") {
		t.Fatalf("%d %v %.100s", r.status, r.header, r.body)
	}
	records, err := csv.NewReader(strings.NewReader(r.body)).ReadAll()
	must(t, err)
	if len(records) != n+2 {
		t.Fatalf("%d records", len(records))
	}
	cell := func(record int, name string) string {
		for i, column := range records[0] {
			if strings.TrimPrefix(column, "\ufeff") == name {
				return records[record][i]
			}
		}
		t.Fatalf("no column %s", name)
		return ""
	}
	got := []string{cell(1, "external_id"), cell(1, "state"), cell(1, "media_id"), cell(1, "size"), cell(n, "external_id"), cell(n, "state"),
		cell(n+1, "state"), cell(n+1, "line"), cell(n+1, "code")}
	want := []string{"'=0", "succeeded", "'-MEDIA", "7", "'=2499", "queued", "refused", "2501", "invalid"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}

	r = p.call(shop, "GET", at, "")
	if r.header.Get("Content-Type") != ndjson || !strings.Contains(r.header.Get("Content-Disposition"), b.ID.String()+".ndjson") {
		t.Errorf("%v", r.header)
	}
	d := json.NewDecoder(strings.NewReader(r.body))
	for i := range n {
		var o tasks.Outcome
		must(t, d.Decode(&o))
		if o.ExternalID != fmt.Sprintf("=%d", i) || o.Batch != b.ID {
			t.Fatalf("row %d is %+v", i, o)
		}
	}
	var refused map[string]any
	must(t, d.Decode(&refused))
	if refused["state"] != "refused" || refused["line"] != 2501.0 || d.More() {
		t.Errorf("%v", refused)
	}
	empty := answered[api.BatchReceipt](t, p.call(shop, "POST", "/v1/batches", "[]"), http.StatusAccepted)
	if r := p.call(shop, "GET", "/v1/batches/"+empty.ID.String()+"/results?format=csv", ""); strings.Count(r.body, "\n") != 1 {
		t.Errorf("an empty batch is %q", r.body)
	}
	p.refused(p.call(shop, "GET", at+"?format=xml", ""), 422, tasks.Invalid, "query.format")
}
