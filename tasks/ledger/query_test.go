package ledger

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

var queryContract = []testCase{
	{"an upload is found by its id and by its producer's name", func(h *harness) {
		id := h.submit(1)[0]
		got, err := h.Find(h.Context(), "crm", "n1")
		must(h, err)
		same(h, "found", got, h.outcome(id))
		_, err = h.Find(h.Context(), "erp", "n1")
		wantCode(h, err, tasks.NotFound)
		_, err = h.Outcome(h.Context(), uuid.New())
		wantCode(h, err, tasks.NotFound)
	}},
	{"pages stay the same while rows come in", func(h *harness) {
		ids := h.submit(5)
		slices.Reverse(ids)
		var got []uuid.UUID
		for cursor := ""; ; {
			page, next, err := h.List(h.Context(), tasks.Filter{Limit: 2, Cursor: cursor})
			must(h, err)
			for _, o := range page {
				got = append(got, o.ID)
			}
			h.submit(1)
			if cursor = next; next == "" {
				break
			}
		}
		same(h, "pages", got, ids)
		_, _, err := h.List(h.Context(), tasks.Filter{Cursor: "nonsense"})
		wantCode(h, err, tasks.Invalid)
	}},
	{"every field of a filter narrows the list", func(h *harness) {
		b := h.batch(tasks.Batch{})
		h.submit(1)
		h.pass(time.Hour)
		from := h.today().Add(-time.Minute)
		special := h.submit(1, in(b.ID), of("other"), func(u *tasks.Upload) {
			u.Type, u.Producer, u.Source = tasks.Voice, "erp", "in/100%_sure.mp3"
		})[0]
		c := h.pick(special)
		must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		for name, f := range map[string]tasks.Filter{
			"producer": {Producer: "erp"}, "batch": {Batch: b.ID}, "account": {Account: "other"}, "type": {Type: tasks.Voice},
			"state": {States: []tasks.State{tasks.Failed, tasks.Canceled}}, "code": {Code: tasks.Rejected}, "errcode": {Errcode: 40004},
			"since": {Since: from}, "query": {Query: "100%_s"}, "all": {Producer: "erp", Batch: b.ID, Account: "other", Query: "sure"},
		} {
			got, _, err := h.List(h.Context(), f)
			must(h, err)
			if len(got) != 1 || got[0].ID != special {
				h.Errorf("%s: %d uploads, want the one", name, len(got))
			}
		}
		for name, f := range map[string]tasks.Filter{
			"until": {Until: from}, "query": {Query: "IN/1.J"}, "state": {States: []tasks.State{tasks.Queued}},
		} {
			got, _, err := h.List(h.Context(), f)
			must(h, err)
			if len(got) != 1 || got[0].ID == special {
				h.Errorf("%s: %d uploads, want the other one", name, len(got))
			}
		}
		if got, _, err := h.List(h.Context(), tasks.Filter{Query: "100_"}); err != nil || len(got) != 0 {
			h.Errorf("a wildcard matched: %d, %v", len(got), err)
		}
	}},
	{"held uploads are listed and counted as waiting", func(h *harness) {
		h.register()
		h.submit(2)
		h.submit(1, of("other"))
		h.hold(tasks.AccountHeld, time.Hour)
		for _, c := range []struct {
			f    tasks.Filter
			want int
		}{
			{tasks.Filter{States: []tasks.State{tasks.Waiting}}, 2},
			{tasks.Filter{States: []tasks.State{tasks.Queued}}, 1},
			{tasks.Filter{States: []tasks.State{tasks.Queued, tasks.Waiting}}, 3},
			{tasks.Filter{Code: tasks.AccountHeld}, 2},
			{tasks.Filter{Errcode: 40164}, 2},
			{tasks.Filter{Code: tasks.Rejected}, 0},
		} {
			got, _, err := h.List(h.Context(), c.f)
			must(h, err)
			if len(got) != c.want {
				h.Errorf("%+v: %d uploads, want %d", c.f, len(got), c.want)
			}
		}
		st, err := h.Status(h.Context())
		must(h, err)
		if st.Counts[tasks.Waiting] != 2 || st.Counts[tasks.Queued] != 1 {
			h.Errorf("counts %v", st.Counts)
		}
	}},
	{"the status counts everything", func(h *harness) {
		h.register()
		st, err := h.Status(h.Context())
		must(h, err)
		if len(st.Counts) != len(tasks.States) || !st.OldestOpen.IsZero() {
			h.Errorf("an empty ledger: %+v", st)
		}
		cs := h.runningN(5, told)
		must(h, h.Finish(h.Context(), cs[0].Token, h.success("x")))
		must(h, h.Finish(h.Context(), cs[1].Token, failure(tasks.Rejected)))
		must(h, h.Wait(h.Context(), cs[2].Token, tasks.Pause{For: time.Hour}))
		must(h, h.Finish(h.Context(), cs[3].Token, tasks.Result{State: tasks.Canceled}))
		h.pass(time.Second)
		h.submit(2)
		h.dispatch()
		h.submit(1)
		st, err = h.Status(h.Context())
		must(h, err)
		same(h, "counts", st.Counts, map[tasks.State]int{
			tasks.Queued: 3, tasks.Running: 1, tasks.Waiting: 1, tasks.Succeeded: 1, tasks.Failed: 1, tasks.Canceled: 1,
		})
		if st.Dispatched != 2 || st.Deliveries != 3 || len(st.Accounts) != 1 || st.Accounts[0].Open != 5 || !st.OldestOpen.Equal(h.outcome(cs[4].ID).Submitted) {
			h.Errorf("status %+v", st)
		}
	}},
}

// pick dispatches all and claims that one.
func (h *harness) pick(id uuid.UUID) tasks.Claim {
	h.Helper()
	for _, d := range h.dispatch() {
		if d.ID == id {
			return h.claimed(d)
		}
	}
	h.Fatal("it was not dispatched")
	return tasks.Claim{}
}
