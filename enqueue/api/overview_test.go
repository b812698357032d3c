package api_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue/api"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestOverviewCountsWhatHappened(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	begun := time.Now()
	ids := []string{}
	for i := range 4 {
		r := p.submit(shop, one)
		ids = append(ids, r.ID.String())
		switch i {
		case 0:
			p.finish(r.ID, success("M1"))
		case 1, 2:
			p.finish(r.ID, failure(tasks.Rejected, 40004))
		}
	}
	st := answered[tasks.Status](t, p.call(eye, "GET", "/v1/status", ""), http.StatusOK)
	if want := (tasks.Conservation{Accepted: 4, Open: 1, Succeeded: 1, Failed: 2}); st.Conservation != want || st.Counts[tasks.Queued] != 1 {
		t.Errorf("status %+v, want %+v", st, want)
	}
	var sum tasks.Point
	s := answered[api.Series](t, p.call(eye, "GET", "/v1/series?step=120", ""), http.StatusOK)
	for i, pt := range s.Points {
		sum.Accepted, sum.Succeeded, sum.Failed = sum.Accepted+pt.Accepted, sum.Succeeded+pt.Succeeded, sum.Failed+pt.Failed
		if want := s.Since.Add(time.Duration(i) * 2 * time.Minute); !pt.At.Equal(want) {
			t.Errorf("point %d is at %v, want %v", i, pt.At, want)
		}
	}
	if s.Step != 120 || sum != (tasks.Point{Accepted: 4, Succeeded: 1, Failed: 2}) {
		t.Errorf("series of %d s: %+v", s.Step, sum)
	}
	list := answered[api.FailureList](t, p.call(boss, "GET", "/v1/failures?account=default", ""), http.StatusOK)
	if len(list.Failures) != 1 {
		t.Fatalf("failures %+v", list)
	}
	f := list.Failures[0]
	if f.Rounds != 2 || f.Code != tasks.Rejected || f.Errcode != 40004 || f.Meaning == "" || f.Hint == "" || (f.Example.String() != ids[1] && f.Example.String() != ids[2]) ||
		f.First.Before(begun.Truncate(time.Minute)) {
		t.Errorf("failure %+v", f)
	}
	for query, want := range map[string]int{
		"account=else": 0, "type=voice": 0, "code=too_long": 0, "errcode=1": 0, "until=" + url.QueryEscape(begun.Add(-time.Hour).Format(time.RFC3339)): 0,
		"type=image": 1, "since=" + url.QueryEscape(begun.Add(-48*time.Hour).Format(time.RFC3339)): 1,
	} {
		if got := answered[api.FailureList](t, p.call(eye, "GET", "/v1/failures?"+query, ""), http.StatusOK); len(got.Failures) != want {
			t.Errorf("%s: %+v, want %d", query, got, want)
		}
	}
	for _, path := range []string{"/v1/series?step=90", "/v1/series?step=-60", "/v1/series?type=gif", "/v1/failures?since=yesterday", "/v1/series?since=2020-01-01T00:00:00Z&step=3600"} {
		if r := p.call(eye, "GET", path, ""); r.status != http.StatusUnprocessableEntity {
			t.Errorf("%s is answered %d %s", path, r.status, r.body)
		}
	}
}

func TestOverviewShowsTheProcesses(t *testing.T) {
	t.Parallel()
	p := newPlant(t)
	other := account
	other.RatePerMinute = 6
	must(t, p.Join(t.Context(), tasks.Process{Name: "w2", Role: tasks.RoleWorker, Host: "b", Slots: 8, Egress: "203.0.113.7"}, []tasks.Account{other}))
	got := answered[api.Fleet](t, p.call(eye, "GET", "/v1/processes", ""), http.StatusOK)
	if len(got.Processes) != 2 || got.Processes[1].Name != "w2" || got.Processes[1].Egress != "203.0.113.7" || got.Processes[1].Slots != 8 ||
		len(got.Disagreements) != 1 || got.Disagreements[0].Setting != "rate_per_minute" {
		t.Errorf("%+v", got)
	}
}
