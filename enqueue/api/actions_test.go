package api_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestRetryAndCancel(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	id := p.submit(shop, one).ID
	at := "/v1/uploads/" + id.String()
	p.refused(p.call(shop, "POST", at+"/retry", ""), 409, tasks.Conflict, "")
	got := answered[tasks.Outcome](t, p.call(shop, "POST", at+"/cancel", ""), http.StatusOK)
	if got.State != tasks.Canceled || got.Code != tasks.Stopped {
		t.Errorf("%+v", got)
	}
	got = answered[tasks.Outcome](t, p.call(shop, "POST", at+"/retry", ""), http.StatusOK)
	if got.State != tasks.Queued || got.Round != 2 {
		t.Errorf("%+v", got)
	}
	p.finish(id, success("M"))
	p.refused(p.call(shop, "POST", at+"/retry", ""), 409, tasks.Conflict, "it has succeeded")
	got = answered[tasks.Outcome](t, p.call(shop, "POST", at+"/retry", `{"again":true}`), http.StatusOK)
	if got.Round != 3 || len(got.History) != 1 {
		t.Errorf("%+v", got)
	}
	p.refused(p.call(shop, "POST", at+"/retry", `{"twice":true}`), 422, tasks.Invalid, "body.twice: unexpected property")
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	var ids []string
	for range 5 {
		ids = append(ids, p.submit(shop, one).ID.String())
	}
	foreign := p.submit(rival, one).ID
	p.finish(p.submit(shop, one).ID, success("M1"))
	failed := p.submit(shop, one).ID
	p.finish(failed, failure(tasks.Rejected, 40004))

	cancel := func(key, body string) api.BulkAnswer {
		t.Helper()
		return answered[api.BulkAnswer](t, p.call(key, "POST", "/v1/cancellations", body), http.StatusOK)
	}
	want := api.BulkAnswer{DryRun: true, Matched: 7, Done: 5, Left: map[string]int{"succeeded": 1, "failed": 1}}
	if diff := cmp.Diff(want, cancel(shop, `{"filter":{},"dry_run":true}`)); diff != "" {
		t.Error(diff)
	}
	if o := answered[tasks.Outcome](t, p.call(shop, "GET", "/v1/uploads/"+ids[0], ""), 200); o.State != tasks.Queued {
		t.Errorf("a dry run left it %s", o.State)
	}
	want.DryRun = false
	if diff := cmp.Diff(want, cancel(shop, `{"filter":{"producer":"rival"}}`)); diff != "" { // its filter finds its own only
		t.Error(diff)
	}
	if o := answered[tasks.Outcome](t, p.call(rival, "GET", "/v1/uploads/"+foreign.String(), ""), 200); o.State != tasks.Queued {
		t.Errorf("the rival's upload is %s", o.State)
	}
	retry := answered[api.BulkAnswer](t, p.call(boss, "POST", "/v1/retries", `{"filter":{"producer":"shop","state":["failed","succeeded"]}}`), http.StatusOK)
	if diff := cmp.Diff(api.BulkAnswer{Matched: 2, Done: 1, Left: map[string]int{"succeeded": 1}}, retry); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(api.BulkAnswer{Matched: 0, Left: map[string]int{}}, cancel(boss, `{"filter":{"errcode":40004}}`)); diff != "" {
		t.Error(diff)
	}
	p.refused(p.call(shop, "POST", "/v1/cancellations", `{}`), 422, tasks.Invalid, "filter")
}

func TestCancelBatch(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	b := answered[api.BatchReceipt](t, p.call(shop, "POST", "/v1/batches", "["+one+","+one+"]"), http.StatusAccepted)
	at := "/v1/batches/" + b.ID.String()
	got := answered[api.BulkAnswer](t, p.call(shop, "POST", at+"/cancel", ""), http.StatusOK)
	if diff := cmp.Diff(api.BulkAnswer{Matched: 2, Done: 2, Left: map[string]int{}}, got); diff != "" {
		t.Error(diff)
	}
	if b := answered[tasks.Batch](t, p.call(shop, "GET", at, ""), 200); b.State != tasks.BatchComplete || b.Counts.Canceled != 2 {
		t.Errorf("%+v", b)
	}
}
