package ledger

import (
	"encoding/json"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

var batchContract = []testCase{
	{"a batch is opened once under its name", func(h *harness) {
		want := tasks.Batch{Producer: "crm", ExternalID: "k1", CallbackURL: "https://crm.example/hook", Metadata: json.RawMessage(`{"a":1}`)}
		first, created, err := h.OpenBatch(h.Context(), want)
		must(h, err)
		if !created || first.ID.Version() != 7 {
			h.Errorf("created %v with id %s", created, first.ID)
		}
		again, created, err := h.OpenBatch(h.Context(), want)
		must(h, err)
		if created {
			h.Error("it was created again")
		}
		same(h, "batch", again, first)
		same(h, "looked up", h.batchNow(first), first)
		want.CallbackURL = "https://else.example/"
		_, _, err = h.OpenBatch(h.Context(), want)
		wantCode(h, err, tasks.Conflict)
	}},
	{"a batch completes once, after its last outcome, when it is sealed", func(h *harness) {
		b := h.batch(tasks.Batch{})
		cs := h.runningN(3, in(b.ID))
		must(h, h.Finish(h.Context(), cs[0].Token, h.success("x")))
		must(h, h.Finish(h.Context(), cs[1].Token, failure(tasks.Rejected)))
		must(h, h.Seal(h.Context(), b.ID, false))
		if got := h.batchNow(b); got.State != tasks.BatchSealed || got.Counts.Open != 1 {
			h.Errorf("batch %+v", got)
		}
		value(h, h.Cancel)(h.Context(), cs[2].ID)
		must(h, h.Finish(h.Context(), cs[2].Token, failure(tasks.Rejected)))
		got := h.batchNow(b)
		if got.State != tasks.BatchComplete || got.Completed.IsZero() || got.Counts != (tasks.BatchCounts{Total: 3, Succeeded: 1, Failed: 1, Canceled: 1}) {
			h.Errorf("batch %+v", got)
		}
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.UploadSucceeded, tasks.UploadFailed, tasks.UploadCanceled, tasks.BatchCompleted})
		must(h, h.Seal(h.Context(), b.ID, true))
		if got := h.batchNow(b); got.Truncated {
			h.Error("sealing it again changed it")
		}
	}},
	{"a batch completes behind its last outcome, whichever transaction began first", func(h *harness) {
		if !h.d.Concurrent {
			return // one transaction writes at a time
		}
		b := h.batch(tasks.Batch{})
		cs := h.runningN(2, in(b.ID))
		must(h, h.Seal(h.Context(), b.ID, false))
		other := h.another()
		last := &op{finish: &finish{token: cs[0].Token, result: h.success("x")}}
		must(h, h.do(h.Context(), "finish late", func(t *tx) error {
			if _, err := t.Row("SELECT pg_current_xact_id()::text", nil, new(string)); err != nil { // it began first
				return err
			}
			if err := other.Finish(h.Context(), cs[1].Token, h.success("y")); err != nil {
				return err
			}
			return t.finishAll([]*op{last})
		}))
		must(h, last.answer)
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.UploadSucceeded, tasks.UploadSucceeded, tasks.BatchCompleted})
	}},
	{"a batch whose uploads all ended before it is sealed completes with the seal", func(h *harness) {
		b := h.batch(tasks.Batch{})
		c := h.running(in(b.ID))
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		if got := h.batchNow(b); got.State != tasks.BatchOpen {
			h.Errorf("it is %s before the seal", got.State)
		}
		must(h, h.Seal(h.Context(), b.ID, false))
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.UploadSucceeded, tasks.BatchCompleted})
	}},
	{"an empty batch completes, and so does one of refusals", func(h *harness) {
		empty, refused := h.batch(tasks.Batch{}), h.batch(tasks.Batch{})
		rs := []tasks.Refusal{{Line: 2, Code: tasks.Invalid, Reason: "type: no"}, {Line: 7, ExternalID: "e", Code: tasks.Conflict, Reason: "used"}}
		must(h, h.Refuse(h.Context(), refused.ID, rs))
		must(h, h.Refuse(h.Context(), refused.ID, rs)) // a stream that was resumed
		for _, b := range []tasks.Batch{empty, refused} {
			must(h, h.Seal(h.Context(), b.ID, false))
			must(h, h.Seal(h.Context(), b.ID, false))
		}
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.BatchCompleted, tasks.BatchCompleted})
		same(h, "counts", h.batchNow(refused).Counts, tasks.BatchCounts{Refused: 2})
		got, err := h.Refusals(h.Context(), refused.ID, 0, 0)
		must(h, err)
		same(h, "refusals", got, rs)
		got, err = h.Refusals(h.Context(), refused.ID, 2, 1)
		must(h, err)
		same(h, "refusals behind line 2", got, rs[1:])
	}},
	{"an abandoned batch is sealed as truncated", func(h *harness) {
		old, live := h.batch(tasks.Batch{}), h.batch(tasks.Batch{ExternalID: "resumed"})
		c := h.running(in(old.ID))
		h.pass(50 * time.Minute)
		must(h, h.Finish(h.Context(), c.Token, h.success("x"))) // no activity of its producer
		h.batch(tasks.Batch{ExternalID: "resumed"})
		h.pass(20 * time.Minute)
		for _, want := range []int{1, 0} {
			if n, err := h.SealAbandoned(h.Context(), time.Hour); err != nil || n != want {
				h.Errorf("%d were sealed (%v), want %d", n, err, want)
			}
		}
		if got := h.batchNow(old); got.State != tasks.BatchComplete || !got.Truncated {
			h.Errorf("the abandoned one is %+v", got)
		}
		if got := h.batchNow(live); got.State != tasks.BatchOpen {
			h.Errorf("the live one is %s", got.State)
		}
	}},
	{"a retry opens the next round of a complete batch, which completes again", func(h *harness) {
		b := h.batch(tasks.Batch{})
		cs := h.runningN(2, in(b.ID))
		must(h, h.Seal(h.Context(), b.ID, false))
		for _, c := range cs {
			must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		}
		for _, c := range cs {
			must(h, h.Retry(h.Context(), c.ID, false))
		}
		if got := h.batchNow(b); got.State != tasks.BatchSealed || got.Round != 2 || !got.Completed.IsZero() || got.Counts != (tasks.BatchCounts{Total: 2, Open: 2}) {
			h.Errorf("batch %+v", got)
		}
		for i, d := range h.dispatch() {
			must(h, h.Finish(h.Context(), h.claimed(d).Token, h.success(string(rune('a'+i)))))
		}
		var completed []tasks.Batch
		ids := map[uuid.UUID]bool{}
		for _, e := range h.events() {
			if e.Type == tasks.BatchCompleted {
				var got tasks.Batch
				must(h, json.Unmarshal(e.Data, &got))
				completed = append(completed, got)
				ids[e.ID] = true
			}
		}
		same(h, "completions", completed, []tasks.Batch{
			{ID: b.ID, Producer: "crm", State: tasks.BatchComplete, Round: 1, Counts: tasks.BatchCounts{Total: 2, Failed: 2}},
			{ID: b.ID, Producer: "crm", State: tasks.BatchComplete, Round: 2, Counts: tasks.BatchCounts{Total: 2, Succeeded: 2}},
		}, cmpopts.IgnoreFields(tasks.Batch{}, "Submitted", "Completed"))
		if len(ids) != 2 {
			h.Error("both rounds have the same event id")
		}
	}},
	{"the two last outcomes at once from two processes complete it once", func(h *harness) {
		other := h.another()
		for range 10 {
			b := h.batch(tasks.Batch{})
			cs := h.runningN(2, in(b.ID))
			must(h, h.Seal(h.Context(), b.ID, false))
			together(2, func(i int) {
				l := []*Ledger{h.Ledger, other}[i]
				if err := l.Finish(h.Context(), cs[i].Token, failure(tasks.Rejected)); err != nil {
					h.Error(err)
				}
			})
			if got := h.batchNow(b); got.State != tasks.BatchComplete || got.Counts != (tasks.BatchCounts{Total: 2, Failed: 2}) {
				h.Errorf("batch %+v", got)
			}
		}
		if n := h.number("SELECT count(*) FROM events WHERE batch IS NOT NULL"); n != 10 {
			h.Errorf("%d completions of 10 batches", n)
		}
	}},
	{"rows that come while the batch is being sealed are in it or refused", func(h *harness) {
		other := h.another()
		for range 10 {
			b := h.batch(tasks.Batch{})
			var accepted, refused int
			together(2, func(i int) {
				if i == 0 {
					if err := other.Seal(h.Context(), b.ID, false); err != nil {
						h.Error(err)
					}
					return
				}
				rs, err := h.Accept(h.Context(), []tasks.Upload{h.upload(in(b.ID))})
				if err != nil {
					h.Error(err)
					return
				}
				accepted, refused = db.Flag(rs[0].Err == nil), db.Flag(tasks.CodeOf(asError(rs[0].Err)) == tasks.Conflict)
			})
			if got := h.batchNow(b); accepted+refused != 1 || got.Counts.Total != accepted || (got.State == tasks.BatchComplete) != (accepted == 0) {
				h.Errorf("accepted %d, refused %d, batch %+v", accepted, refused, got)
			}
		}
	}},
	{"batches are listed, the newest first", func(h *harness) {
		var want []uuid.UUID
		for range 5 {
			want = append([]uuid.UUID{h.batch(tasks.Batch{}).ID}, want...)
		}
		h.batch(tasks.Batch{Producer: "erp"})
		var got []uuid.UUID
		for cursor := ""; ; {
			page, next, err := h.Batches(h.Context(), tasks.Filter{Producer: "crm", Cursor: cursor, Limit: 2})
			must(h, err)
			for _, b := range page {
				got = append(got, b.ID)
			}
			if cursor = next; next == "" {
				break
			}
		}
		same(h, "batches", got, want)
	}},
	{"an unknown batch is not found", func(h *harness) {
		wantCode(h, h.Seal(h.Context(), uuid.New(), false), tasks.NotFound)
		wantCode(h, h.Refuse(h.Context(), uuid.New(), nil), tasks.NotFound)
		_, err := h.Batch(h.Context(), uuid.New())
		wantCode(h, err, tasks.NotFound)
	}},
}

func (h *harness) batchNow(b tasks.Batch) tasks.Batch {
	h.Helper()
	got, err := h.Batch(h.Context(), b.ID)
	must(h, err)
	return got
}

// asError keeps a nil *tasks.Error from becoming an error that is not nil.
func asError(e *tasks.Error) error {
	if e == nil {
		return nil
	}
	return e
}
