package ledger

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// failed submits n uploads and lets them fail.
func (h *harness) failed(n int, change ...func(*tasks.Upload)) []uuid.UUID {
	h.Helper()
	var ids []uuid.UUID
	for _, c := range h.runningN(n, change...) {
		must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		ids = append(ids, c.ID)
	}
	return ids
}

// retryAll is an action that retries all that failed.
func retryAll(change ...func(*tasks.Action)) tasks.Action {
	a := tasks.Action{Kind: tasks.ActionRetry, By: "li@desk", Choice: tasks.ChoiceOf(tasks.Filter{States: []tasks.State{tasks.Failed}}), Matched: 5}
	for _, c := range change {
		c(&a)
	}
	return a
}

func (h *harness) begin(a tasks.Action, holder string) tasks.Action {
	h.Helper()
	got, err := h.BeginAction(h.Context(), a, holder, lease)
	must(h, err)
	return got
}

// chosen is what an action comes to next, as its filter finds it.
func (h *harness) chosen(a tasks.Action, limit int) (ids []uuid.UUID, next string) {
	h.Helper()
	f, err := a.Filter()
	must(h, err)
	f.Cursor, f.Limit = a.Cursor, limit
	page, next, err := h.List(h.Context(), f)
	must(h, err)
	for _, o := range page {
		ids = append(ids, o.ID)
	}
	return ids, next
}

func nextStep(a tasks.Action, holder, to string, ids ...uuid.UUID) tasks.ActionStep {
	return tasks.ActionStep{Action: a.ID, Holder: holder, Lease: lease, From: a.Cursor, To: to, Uploads: ids}
}

var actionContract = []testCase{
	{"an action is kept from its beginning to its end, with what it did and passed by", func(h *harness) {
		ids := h.failed(3)
		begun := h.begin(retryAll(func(a *tasks.Action) { a.Producer, a.Again, a.RatePerMinute, a.DailyBudget = "crm", true, 60, 100 }), "p1")
		want := tasks.Action{
			ID: begun.ID, Kind: tasks.ActionRetry, By: "li@desk", Producer: "crm", Choice: json.RawMessage(`{"state":["failed"]}`), Again: true,
			State: tasks.ActionRunning, Matched: 5, Left: map[string]int{}, RatePerMinute: 60, DailyBudget: 100, Began: begun.Began, Cursor: begun.Cursor,
		}
		same(h, "begun", begun, want)
		if begun.Cursor == "" || begun.Began.IsZero() || begun.ID == uuid.Nil {
			h.Errorf("%+v", begun)
		}
		s := nextStep(begun, "p1", "further", ids[:2]...)
		s.Left = map[string]int{"succeeded": 2}
		a, taken, err := h.RunActionStep(h.Context(), s)
		must(h, err)
		want.Done, want.Left, want.Cursor = 2, map[string]int{"succeeded": 2}, "further"
		same(h, "under way", a, want)
		byID := cmpopts.SortSlices(func(a, b tasks.Taken) bool { return bytes.Compare(a.ID[:], b.ID[:]) < 0 })
		same(h, "taken", taken, []tasks.Taken{{ID: ids[0], State: tasks.Queued}, {ID: ids[1], State: tasks.Queued}}, byID)
		same(h, "looked up", value(h, h.Action)(h.Context(), a.ID), want)

		s = nextStep(a, "p1", "", ids[2])
		s.Left = map[string]int{"succeeded": 1, "queued": 1}
		a, _, err = h.RunActionStep(h.Context(), s)
		must(h, err)
		if a.Ended.IsZero() {
			h.Error("it has no end")
		}
		want.State, want.Done, want.Left, want.Cursor, want.Ended = tasks.ActionDone, 3, map[string]int{"succeeded": 3, "queued": 1}, "", a.Ended
		same(h, "done", a, want)
		same(h, "stopped after its end", value(h, h.StopAction)(h.Context(), a.ID), want)
		for _, id := range ids {
			if o := h.outcome(id); o.State != tasks.Queued || o.Round != 2 {
				h.Errorf("%s in round %d", o.State, o.Round)
			}
		}
	}},
	{"an action does not reach what is submitted after it began", func(h *harness) {
		ids := h.failed(2)
		a := h.begin(retryAll(), "p1")
		h.failed(2)
		slices.Reverse(ids) // the newest first
		got, next := h.chosen(a, 1)
		same(h, "first page", got, ids[:1])
		a, _, err := h.RunActionStep(h.Context(), nextStep(a, "p1", next, got...))
		must(h, err)
		c := h.again() // what it has reopened fails again: it is behind the action
		must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		got, next = h.chosen(a, 10)
		same(h, "second page", got, ids[1:])
		same(h, "next", next, "")
	}},
	{"a step is done once, whoever asks for it", func(h *harness) {
		ids := h.failed(2)
		a := h.begin(retryAll(), "")
		first := nextStep(a, "p1", "x", ids[0])
		_, _, err := h.RunActionStep(h.Context(), first)
		must(h, err)
		_, _, err = h.RunActionStep(h.Context(), first)
		wantFenced(h, err)
		if o := h.outcome(ids[0]); o.Round != 2 {
			h.Errorf("it is in round %d", o.Round)
		}
		same(h, "done", value(h, h.Action)(h.Context(), a.ID).Done, 1)
	}},
	{"one process works on an action, and another one once its lease ran out", func(h *harness) {
		ids := h.failed(2)
		open := func(holder string) int {
			page, err := h.OpenActions(h.Context(), holder, uuid.Nil, 10)
			must(h, err)
			return len(page)
		}
		a := h.begin(retryAll(), "p1")
		if open("p1") != 1 || open("p2") != 0 {
			h.Errorf("%d and %d are open", open("p1"), open("p2"))
		}
		_, _, err := h.RunActionStep(h.Context(), nextStep(a, "p2", "x", ids[0]))
		wantFenced(h, err)
		h.wantState(ids[0], tasks.Failed)
		h.pass(lease / 2)
		a, _, err = h.RunActionStep(h.Context(), nextStep(a, "p1", "x", ids[0])) // which makes its lease longer
		must(h, err)
		h.pass(lease/2 + time.Second)
		if open("p2") != 0 {
			h.Error("a lease that was renewed has run out")
		}
		h.pass(lease)
		if open("p2") != 1 {
			h.Error("nobody goes on with it")
		}
		late := nextStep(a, "p1", "", ids[1])
		_, _, err = h.RunActionStep(h.Context(), nextStep(a, "p2", "y"))
		must(h, err)
		_, _, err = h.RunActionStep(h.Context(), late)
		wantFenced(h, err)
		h.wantState(ids[1], tasks.Failed)
	}},
	{"a stopped action does nothing any more", func(h *harness) {
		ids := h.failed(2)
		a := h.begin(retryAll(), "p1")
		a, _, err := h.RunActionStep(h.Context(), nextStep(a, "p1", "x", ids[0]))
		must(h, err)
		stopped := value(h, h.StopAction)(h.Context(), a.ID)
		if stopped.State != tasks.ActionStopped || stopped.Ended.IsZero() || stopped.Done != 1 {
			h.Errorf("%+v", stopped)
		}
		same(h, "stopped again", value(h, h.StopAction)(h.Context(), a.ID), stopped)
		after, taken, err := h.RunActionStep(h.Context(), nextStep(a, "p1", "", ids[1]))
		must(h, err)
		same(h, "after the stop", after, stopped)
		if len(taken) > 0 {
			h.Errorf("%v were taken", taken)
		}
		h.wantState(ids[1], tasks.Failed)
		if page, err := h.OpenActions(h.Context(), "p1", uuid.Nil, 10); err != nil || len(page) > 0 {
			h.Errorf("%v are open (%v)", page, err)
		}
	}},
	{"what changed since it was chosen is passed by", func(h *harness) {
		gone, retried, failed := uuid.New(), h.failed(1)[0], h.failed(1)[0]
		a := h.begin(retryAll(), "p1")
		must(h, h.Retry(h.Context(), retried, false))
		a, taken, err := h.RunActionStep(h.Context(), nextStep(a, "p1", "", gone, retried, failed))
		must(h, err)
		same(h, "taken", taken, []tasks.Taken{{ID: failed, State: tasks.Queued}})
		same(h, "left", a.Left, map[string]int{"not_found": 1, "conflict": 1})
		if o := h.outcome(retried); o.Round != 2 {
			h.Errorf("it is in round %d", o.Round)
		}
	}},
	{"a cancel ends what waits, asks what runs, and completes the batch", func(h *harness) {
		b := h.batch(tasks.Batch{})
		running := h.running(in(b.ID))
		queued := h.submit(2, in(b.ID))
		must(h, h.Seal(h.Context(), b.ID, false))
		_, err := h.Cancel(h.Context(), queued[1])
		must(h, err)
		a := h.begin(retryAll(func(a *tasks.Action) { a.Kind = tasks.ActionCancel }), "p1")
		a, taken, err := h.RunActionStep(h.Context(), nextStep(a, "p1", "", running.ID, queued[0], queued[1]))
		must(h, err)
		states := map[uuid.UUID]tasks.State{}
		for _, t := range taken {
			states[t.ID] = t.State
		}
		same(h, "taken", states, map[uuid.UUID]tasks.State{running.ID: tasks.Running, queued[0]: tasks.Canceled})
		same(h, "left", a.Left, map[string]int{"conflict": 1})
		must(h, h.Finish(h.Context(), running.Token, tasks.Result{State: tasks.Canceled}))
		if got := value(h, h.Batch)(h.Context(), b.ID); got.State != tasks.BatchComplete || got.Counts.Canceled != 3 {
			h.Errorf("%+v", got)
		}
	}},
	{"a retry keeps to the budget of whoever began it", func(h *harness) {
		ids := h.failed(5)
		a := h.begin(retryAll(func(a *tasks.Action) { a.By, a.DailyBudget = "crm", 4 }), "p1")
		if n, err := h.SpendBudget(h.Context(), "crm", 1, 4); err != nil || n != 1 {
			h.Fatal(n, err)
		}
		must(h, h.Retry(h.Context(), ids[0], false)) // costs nothing of the action's
		a, taken, err := h.RunActionStep(h.Context(), nextStep(a, "p1", "x", ids[:3]...))
		must(h, err)
		if len(taken) != 2 || a.Left["conflict"] != 1 {
			h.Errorf("%v were taken, left %v", taken, a.Left)
		}
		same(h, "budget", h.number("SELECT uploads FROM budgets"), 3)
		a, taken, err = h.RunActionStep(h.Context(), nextStep(a, "p1", "", ids[3:]...))
		must(h, err)
		same(h, "left", a.Left, map[string]int{"conflict": 1, "too_many": 1})
		if len(taken) != 1 || a.Done != 3 {
			h.Errorf("%v were taken of a budget of one", taken)
		}
		same(h, "budget", h.number("SELECT uploads FROM budgets"), 4)
	}},
	{"the same ID begins an action once", func(h *harness) {
		h.failed(1)
		named := retryAll(func(a *tasks.Action) { a.ID = uuid.Must(uuid.NewV7()) })
		first := h.begin(named, "")
		h.submit(1)
		same(h, "begun again", h.begin(named, "p9"), first)
		if page, err := h.OpenActions(h.Context(), "p1", uuid.Nil, 10); err != nil || len(page) != 1 {
			h.Errorf("%v are open (%v)", page, err)
		}
	}},
	{"nobody has more than so many actions under way", func(h *harness) {
		named := retryAll(func(a *tasks.Action) { a.ID = uuid.Must(uuid.NewV7()) })
		for i := range tasks.MaxOpenActions {
			a := h.begin(named, "")
			if named.ID = uuid.Must(uuid.NewV7()); i == 0 {
				value(h, h.StopAction)(h.Context(), a.ID)
			}
		}
		last := h.begin(named, "")
		same(h, "begun again", h.begin(named, ""), last)
		_, err := h.BeginAction(h.Context(), retryAll(), "", 0)
		wantCode(h, err, tasks.TooMany)
		h.begin(retryAll(func(a *tasks.Action) { a.By = "wang@desk" }), "")
	}},
	{"actions are listed page by page, a producer's alone where asked", func(h *harness) {
		var all, own []uuid.UUID
		for i := range 5 {
			a := h.begin(retryAll(func(a *tasks.Action) {
				if i%2 == 0 {
					a.Producer = "crm"
				}
			}), "")
			if all = append(all, a.ID); i%2 == 0 {
				own = append(own, a.ID)
			}
		}
		open, err := h.OpenActions(h.Context(), "p1", all[0], 3)
		must(h, err)
		same(h, "open", idsOf(open), all[1:4])
		slices.Reverse(all)
		slices.Reverse(own)
		for producer, want := range map[string][]uuid.UUID{"": all, "crm": own, "shop": nil} {
			var got []uuid.UUID
			f := tasks.ActionFilter{Producer: producer, Limit: 2}
			for {
				page, next, err := h.Actions(h.Context(), f)
				must(h, err)
				got = append(got, idsOf(page)...)
				if f.Cursor = next; next == "" {
					break
				}
				h.begin(retryAll(func(a *tasks.Action) { a.Producer = "other" }), "") // does not move the pages
			}
			if producer == "" {
				got = slices.DeleteFunc(got, func(id uuid.UUID) bool { return !slices.Contains(all, id) })
			}
			same(h, "actions of "+producer, got, want)
		}
		_, _, err = h.Actions(h.Context(), tasks.ActionFilter{Cursor: "x"})
		wantCode(h, err, tasks.Invalid)
	}},
	{"what is no action is refused", func(h *harness) {
		_, err := h.Action(h.Context(), uuid.New())
		wantCode(h, err, tasks.NotFound)
		_, err = h.StopAction(h.Context(), uuid.New())
		wantCode(h, err, tasks.NotFound)
		_, _, err = h.RunActionStep(h.Context(), tasks.ActionStep{Action: uuid.New()})
		wantCode(h, err, tasks.NotFound)
		for want, a := range map[tasks.Code]tasks.Action{
			tasks.Invalid: retryAll(func(a *tasks.Action) {
				a.Choice = tasks.ChoiceOf(tasks.Filter{Source: strings.Repeat("x", tasks.MaxGlob+1)})
			}),
			tasks.Conflict: retryAll(func(a *tasks.Action) { a.Kind = "rename" }),
		} {
			_, err = h.BeginAction(h.Context(), a, "", 0)
			wantCode(h, err, want)
		}
		same(h, "kept", h.number("SELECT count(*) FROM actions"), 0)
	}},
	{"what a filter chooses is counted by account and state", func(h *harness) {
		h.register()
		h.failed(2, func(u *tasks.Upload) { u.Source = "a/1.jpg" })
		h.submit(3, of("other"), func(u *tasks.Upload) { u.Source = "a/2.jpg" })
		h.submit(1)
		count := func(f tasks.Filter) []tasks.Count { return value(h, h.Count)(h.Context(), f) }
		order := cmpopts.SortSlices(func(a, b tasks.Count) bool { return a.Account+string(a.State) < b.Account+string(b.State) })
		all := []tasks.Count{
			{Account: account.Name, State: tasks.Failed, Uploads: 2}, {Account: account.Name, State: tasks.Queued, Uploads: 1},
			{Account: "other", State: tasks.Queued, Uploads: 3},
		}
		for name, tc := range map[string]struct {
			filter tasks.Filter
			want   []tasks.Count
		}{
			"all":      {tasks.Filter{}, all},
			"by state": {tasks.Filter{States: []tasks.State{tasks.Failed}}, all[:1]},
			"by glob":  {tasks.Filter{Source: "a/*"}, []tasks.Count{all[0], all[2]}},
			"none":     {tasks.Filter{Account: "nobody"}, nil},
		} {
			same(h, name, count(tc.filter), tc.want, order)
		}
		must(h, h.Hold(h.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Reason: "r", Until: h.today().Add(time.Hour)}))
		all[1].State = tasks.Waiting
		same(h, "held", count(tasks.Filter{}), all, order)
		_, err := h.Count(h.Context(), tasks.Filter{Source: strings.Repeat("x", tasks.MaxGlob+1)})
		wantCode(h, err, tasks.Invalid)
	}},
	{"uploads are chosen by their ids", func(h *harness) {
		ids := h.submit(3)
		page, _, err := h.List(h.Context(), tasks.Filter{IDs: []uuid.UUID{ids[0], ids[2], uuid.New()}})
		must(h, err)
		if len(page) != 2 || page[0].ID != ids[2] || page[1].ID != ids[0] {
			h.Errorf("%v", page)
		}
		_, _, err = h.List(h.Context(), tasks.Filter{IDs: make([]uuid.UUID, tasks.MaxIDs+1)})
		wantCode(h, err, tasks.Invalid)
	}},
}

func idsOf(as []tasks.Action) []uuid.UUID {
	var ids []uuid.UUID
	for _, a := range as {
		ids = append(ids, a.ID)
	}
	return ids
}

// Two processes that race for the steps of one action on PostgreSQL, where both may write at once.
func TestTwoProcessesRaceForAnAction(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	ids := h.failed(20)
	a := h.begin(retryAll(), "")
	other := h.another()
	together(8, func(i int) {
		l, holder := h.Ledger, "p1"
		if i%2 == 1 {
			l, holder = other, "p2"
		}
		_, _, _ = l.RunActionStep(t.Context(), nextStep(a, holder, "x", slices.Clone(ids)...)) // all but one are fenced
	})
	if got := value(t, h.Action)(t.Context(), a.ID); got.Done != 20 || len(got.Left) > 0 {
		t.Errorf("%+v", got)
	}
	for _, id := range ids {
		if o := h.outcome(id); o.Round != 2 {
			t.Errorf("%s is in round %d", id, o.Round)
		}
	}
}
