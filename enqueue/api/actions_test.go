package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

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

// working lets the server's actor work for the rest of the test, as a process with HTTP does.
func (p *plant) working() {
	ctx, stop := context.WithCancel(p.Context())
	ended := make(chan error, 1)
	go func() { ended <- p.actor.Run(ctx) }()
	p.Cleanup(func() {
		stop()
		must(p.T, <-ended)
	})
}

// followed asks how far an action is until it is so far.
func (p *plant) followed(key, at string, far func(tasks.Action) bool) tasks.Action {
	p.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		a := answered[tasks.Action](p.T, p.call(key, "GET", at, ""), http.StatusOK)
		if far(a) {
			return a
		}
		select {
		case <-tick.C:
		case <-p.Context().Done():
			p.Fatalf("it stays at %+v", a)
		}
	}
}

func ended(a tasks.Action) bool { return a.State != tasks.ActionRunning }

// begun is the action that a request began, and where to follow it.
func (p *plant) begun(key, path, body string, headers ...string) (tasks.Action, string) {
	p.Helper()
	r := p.call(key, "POST", path, body, headers...)
	a := answered[tasks.Action](p.T, r, http.StatusAccepted)
	at := r.header.Get("Location")
	if at != "/v1/actions/"+a.ID.String() || a.State != tasks.ActionRunning {
		p.Errorf("it is followed at %q: %+v", at, a)
	}
	return a, at
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

	preview := func(key, path, body string) api.Preview {
		t.Helper()
		return answered[api.Preview](t, p.call(key, "POST", path, body), http.StatusOK)
	}
	want := api.Preview{DryRun: true, Matched: 7, Done: 5, Left: map[string]int{"succeeded": 1, "failed": 1}, Calls: []api.Calls{}}
	if diff := cmp.Diff(want, preview(shop, "/v1/cancellations", `{"filter":{},"dry_run":true}`)); diff != "" {
		t.Error(diff)
	}
	if o := answered[tasks.Outcome](t, p.call(shop, "GET", "/v1/uploads/"+ids[0], ""), 200); o.State != tasks.Queued {
		t.Errorf("a dry run left it %s", o.State)
	}
	begun, at := p.begun(shop, "/v1/cancellations", `{"filter":{"producer":"rival"}}`) // its filter finds its own only
	late := p.submit(shop, one).ID
	p.working()
	got := p.followed(shop, at, ended)
	wantAction := tasks.Action{
		ID: begun.ID, Kind: tasks.ActionCancel, By: "shop", Producer: "shop", Choice: json.RawMessage(`{"producer":"shop"}`), State: tasks.ActionDone,
		Matched: 7, Done: 5, Left: map[string]int{"succeeded": 1, "failed": 1}, Began: begun.Began, Ended: got.Ended,
	}
	if diff := cmp.Diff(wantAction, got); diff != "" || got.Ended.IsZero() {
		t.Error(diff)
	}
	for id, want := range map[uuid.UUID]tasks.State{foreign: tasks.Queued, late: tasks.Queued, uuid.MustParse(ids[0]): tasks.Canceled} {
		if o, err := p.Outcome(t.Context(), id); err != nil || o.State != want {
			t.Errorf("%s is %s, want %s (%v)", id, o.State, want, err)
		}
	}

	must(t, p.Join(t.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{{Name: account.Name, Realm: account.Realm, AppID: account.AppID, Fingerprint: "f", DailyLimit: 100}}))
	must(t, p.Spend(t.Context(), account))
	left := 99
	want = api.Preview{DryRun: true, Matched: 2, Done: 1, Left: map[string]int{"succeeded": 1},
		Calls: []api.Calls{{Account: "default", Calls: 1, MadeToday: 1, LeftToday: &left}}}
	if diff := cmp.Diff(want, preview(boss, "/v1/retries", `{"filter":{"producer":"shop","state":["failed","succeeded"]},"dry_run":true}`)); diff != "" {
		t.Error(diff)
	}
	_, at = p.begun(boss, "/v1/retries", `{"filter":{"producer":"shop","state":["failed","succeeded"]},"again":true}`)
	if got := p.followed(eye, at, ended); got.Done != 2 || got.Producer != "" || got.By != "boss" || !got.Again {
		t.Errorf("%+v", got)
	}
	p.refused(p.call(shop, "GET", at, ""), 404, tasks.NotFound, "there is no such action") // an operator's action is nobody's business
	p.refused(p.call(shop, "POST", "/v1/cancellations", `{}`), 422, tasks.Invalid, "filter")
	p.refused(p.call(shop, "POST", "/v1/retries", `{"filter":{"batch":"x"}}`), 422, tasks.Invalid, "batch")
}

func TestStopAction(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	id := p.submit(shop, one).ID
	_, at := p.begun(shop, "/v1/cancellations", `{"filter":{}}`)
	p.refused(p.call(rival, "POST", at+"/stop", ""), 404, tasks.NotFound, "there is no such action")
	p.refused(p.call(eye, "POST", at+"/stop", ""), 403, tasks.Forbidden, "")
	for range 2 {
		if a := answered[tasks.Action](t, p.call(shop, "POST", at+"/stop", ""), http.StatusOK); a.State != tasks.ActionStopped || a.Done != 0 || a.Ended.IsZero() {
			t.Errorf("%+v", a)
		}
	}
	p.working()
	_, next := p.begun(shop, "/v1/cancellations", `{"filter":{"code":"none"}}`)
	p.followed(shop, next, ended) // the stopped one would have had its turn before
	if o, err := p.Outcome(t.Context(), id); err != nil || o.State != tasks.Queued {
		t.Errorf("%s (%v)", o.State, err)
	}
}

func TestActionUnderAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	const body, named = `{"filter":{"state":["failed"]}}`, "Idempotency-Key"
	first, _ := p.begun(shop, "/v1/retries", body, named, "k")
	p.submit(shop, one)
	again, _ := p.begun(shop, "/v1/retries", body, named, "k")
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	other, _ := p.begun(rival, "/v1/retries", body, named, "k")
	if other.ID == first.ID {
		t.Error("a rival's key is another key")
	}
	p.refused(p.call(shop, "POST", "/v1/retries", `{"filter":{}}`, named, "k"), 409, tasks.Conflict, "Idempotency-Key")
	p.refused(p.call(shop, "POST", "/v1/cancellations", body, named, "k"), 409, tasks.Conflict, "Idempotency-Key")
}

// What a producer may retry a minute, and a day, holds for its actions as for what it submits.
func TestActionKeepsToTheRights(t *testing.T) {
	t.Parallel()
	p := newPlant(t, withLimits(tasks.Rights{RatePerMinute: 4, DailyBudget: 8}))
	for i := range 6 {
		if i == 4 {
			p.pass(time.Minute)
		}
		p.finish(p.submit(limited, one).ID, failure(tasks.Rejected, 40004))
	}
	_, at := p.begun(limited, "/v1/retries", `{"filter":{"state":["failed"]}}`)
	p.working()
	p.followed(limited, at, func(a tasks.Action) bool { return a.Done == 1 }) // to begin it cost one, too
	p.refused(p.call(limited, "POST", "/v1/uploads", one), 429, tasks.TooMany, "of this minute")
	over := func(a tasks.Action) bool {
		p.pass(time.Minute)
		p.actor.Wake()
		return ended(a)
	}
	if a := p.followed(limited, at, over); a.Done != 2 || a.Left["too_many"] != 4 || a.State != tasks.ActionDone {
		t.Errorf("%+v", a)
	}
}

func TestCancelBatch(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	kept := `{"type":"image","source":"a.jpg","keep_fresh_until":"2999-01-01T00:00:00Z"}`
	b := answered[api.BatchReceipt](t, p.call(shop, "POST", "/v1/batches", "["+kept+","+one+","+one+","+one+"]"), http.StatusAccepted)
	at := "/v1/batches/" + b.ID.String()
	rows, _, err := p.List(t.Context(), tasks.Filter{Batch: b.ID})
	must(t, err)
	for i, o := range rows[2:] { // the oldest are the last: one is kept alive, the other one is not
		p.finish(o.ID, success(fmt.Sprint("M", i)))
	}
	_, follow := p.begun(shop, at+"/cancel", "")
	p.working()
	if a := p.followed(shop, follow, ended); a.Matched != 4 || a.Done != 3 || a.Left["succeeded"] != 1 || a.State != tasks.ActionDone {
		t.Errorf("%+v", a)
	}
	if b := answered[tasks.Batch](t, p.call(shop, "GET", at, ""), 200); b.State != tasks.BatchComplete || b.Counts.Canceled != 2 || b.Counts.Succeeded != 2 {
		t.Errorf("%+v", b)
	}
	if o, err := p.Outcome(t.Context(), rows[3].ID); err != nil || !o.KeepFresh.IsZero() {
		t.Errorf("it is kept alive until %s (%v)", o.KeepFresh, err)
	}
}
