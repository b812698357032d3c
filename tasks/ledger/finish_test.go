package ledger

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

var finishContract = []testCase{
	{"a success keeps all that is to be told", func(h *harness) {
		c := h.running(func(u *tasks.Upload) { u.Metadata = []byte(`{"a":1}`) })
		h.admit(c, "x", tasks.Proceed)
		res := h.success("x")
		res.Original, res.Fixed = tasks.HashOf([]byte("before")), "scaled to 64 KB"
		must(h, h.Finish(h.Context(), c.Token, res))
		got := h.outcome(c.ID)
		if got.Finished.IsZero() || got.Submitted.IsZero() {
			h.Error("the times are missing")
		}
		got.Finished, got.Submitted = time.Time{}, time.Time{}
		same(h, "outcome", got, tasks.Outcome{
			ID: c.ID, ExternalID: "n1", Producer: "crm", Account: "shop", Type: tasks.Image, Source: "in/1.jpg", Filename: "1.jpg",
			State: tasks.Succeeded, Attempts: 1, Round: 1, MediaID: "media-x", IssuedAt: res.Media.IssuedAt, ExpiresAt: res.Media.ExpiresAt,
			SHA256: key("x").Hash.String(), Original: res.Original.String(), Fixed: "scaled to 64 KB", Size: 1, Metadata: []byte(`{"a":1}`),
			History: []tasks.Attempt{{Round: 1, Number: 1, Started: res.Attempt.Started, Took: 250 * time.Millisecond}},
		})
	}},
	{"a failure says why and what to do", func(h *harness) {
		c := h.running()
		cause := &tasks.Error{Code: tasks.Rejected, Op: "upload media", Errcode: 40004, RID: "r-1", Err: errors.New("invalid\x00 media type\n")}
		must(h, h.Finish(h.Context(), c.Token, tasks.Result{State: tasks.Failed, Cause: cause, Size: 7, Attempt: &tasks.Attempt{
			Started: h.today(), Took: time.Second, Code: tasks.Rejected, Errcode: 40004, RID: "r-1", Reason: "invalid media type",
		}}))
		o := h.outcome(c.ID)
		want := tasks.Outcome{State: tasks.Failed, Code: tasks.Rejected, Errcode: 40004, RID: "r-1", Hint: tasks.Rejected.Hint(),
			Reason: "upload media: invalid  media type  (errcode 40004)"}
		same(h, "outcome", tasks.Outcome{State: o.State, Code: o.Code, Errcode: o.Errcode, RID: o.RID, Hint: o.Hint, Reason: o.Reason}, want)
		if len(o.History) != 1 || o.History[0].Code != tasks.Rejected || o.History[0].Reason != "invalid media type" {
			h.Errorf("history %+v", o.History)
		}
	}},
	{"a long reason is cut, and an own hint is kept", func(h *harness) {
		c := h.running()
		must(h, h.Finish(h.Context(), c.Token, tasks.Result{State: tasks.Failed, Cause: &tasks.Error{
			Code: tasks.TooLong, Err: errors.New(strings.Repeat("long ", 1000)), Hint: "ffmpeg -t 60",
		}}))
		if o := h.outcome(c.ID); len(o.Reason) > maxText || o.Hint != "ffmpeg -t 60" {
			h.Errorf("a reason of %d bytes, hint %q", len(o.Reason), o.Hint)
		}
	}},
	{"finishing the same claim twice with the same outcome is no error", func(h *harness) {
		c, d := h.running(), h.running()
		for range 2 {
			must(h, h.Finish(h.Context(), c.Token, h.success("x")))
			must(h, h.Finish(h.Context(), d.Token, failure(tasks.Rejected)))
		}
		wantFenced(h, h.Finish(h.Context(), c.Token, h.success("y")))
		wantFenced(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		wantFenced(h, h.Finish(h.Context(), d.Token, h.success("z")))
		if n := len(h.events()); n != 2 {
			h.Errorf("%d events, want 2", n)
		}
		if o := h.outcome(c.ID); o.Attempts != 1 || len(o.History) != 1 || o.MediaID != "media-x" {
			h.Errorf("outcome %+v", o)
		}
	}},
	{"a fenced success keeps its media for reuse", func(h *harness) {
		c := h.running()
		h.lose()
		h.again()
		wantFenced(h, h.Finish(h.Context(), c.Token, h.success("x")))
		h.admit(h.running(), "x", tasks.Reuse)
	}},
	{"a media that lives longer is not replaced by one that lives shorter", func(h *harness) {
		long, short := h.media("long"), h.media("short")
		short.ExpiresAt = short.ExpiresAt.Add(-time.Hour)
		must(h, h.KeepMedia(h.Context(), key("x"), long))
		must(h, h.KeepMedia(h.Context(), key("x"), short))
		if got := h.admit(h.running(), "x", tasks.Reuse); got.Media.ID != "long" {
			h.Errorf("%s is reused", got.Media.ID)
		}
	}},
	{"waiting counts the attempt and says why and until when", func(h *harness) {
		c := h.running()
		at := h.today()
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{
			For: time.Minute, Cause: &tasks.Error{Code: tasks.Temporary, Errcode: -1, Err: errors.New("system busy")},
			Attempt: &tasks.Attempt{Started: at, Took: time.Second, Code: tasks.Temporary, Errcode: -1},
		}))
		o := h.outcome(c.ID)
		if o.State != tasks.Waiting || o.Code != tasks.Temporary || o.Errcode != -1 || o.Attempts != 1 || len(o.History) != 1 {
			h.Errorf("outcome %+v", o)
		}
		if d := o.Until.Sub(at); d < 59*time.Second || d > 70*time.Second {
			h.Errorf("it waits for %s, want a minute", d)
		}
		wantFenced(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Minute}))
		h.pass(time.Minute)
		h.mature()
		if c := h.again(); c.Attempts != 1 {
			h.Errorf("the next claim knows of %d attempts, want 1", c.Attempts)
		}
	}},
	{"waiting without an attempt burns none", func(h *harness) {
		c := h.running()
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Minute, Cause: &tasks.Error{Code: tasks.AccountHeld}}))
		if o := h.outcome(c.ID); o.Attempts != 0 || len(o.History) != 0 {
			h.Errorf("outcome %+v", o)
		}
	}},
	{"handed back it is ready at once, or after a while", func(h *harness) {
		c := h.running()
		must(h, h.HandBack(h.Context(), c.Token, 0, &tasks.Error{Code: tasks.NoWork}))
		h.wantState(c.ID, tasks.Queued)
		c = h.again()
		must(h, h.HandBack(h.Context(), c.Token, time.Minute, &tasks.Error{Code: tasks.Storage, Err: errors.New("no mount")}))
		if o := h.outcome(c.ID); o.State != tasks.Waiting || o.Code != tasks.Storage || o.Attempts != 0 {
			h.Errorf("outcome %+v", o)
		}
		h.pass(time.Minute)
		h.mature()
		h.again()
	}},
	{"a late wait or hand back of a claim that nobody took over counts", func(h *harness) {
		c := h.running()
		h.lose()
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Minute, Attempt: &tasks.Attempt{Code: tasks.Temporary}}))
		if o := h.outcome(c.ID); o.State != tasks.Waiting || o.Attempts != 1 {
			h.Errorf("outcome %+v", o)
		}
		c = h.running()
		h.lose()
		must(h, h.HandBack(h.Context(), c.Token, 0, nil))
		h.wantState(c.ID, tasks.Queued)
	}},
	{"a state that is no outcome is refused", func(h *harness) {
		c := h.running()
		wantCode(h, h.Finish(h.Context(), c.Token, tasks.Result{State: tasks.Waiting}), tasks.Invalid)
		h.wantState(c.ID, tasks.Running)
	}},
	{"outcomes at once from two processes all stand", func(h *harness) {
		b := h.batch(tasks.Batch{})
		cs := h.runningN(40, in(b.ID))
		must(h, h.Seal(h.Context(), b.ID, false))
		other := h.another()
		together(len(cs), func(i int) {
			l := h.Ledger
			if i%2 == 1 {
				l = other
			}
			if _, err := l.Admit(h.Context(), cs[i].Token, key(fmt.Sprint(i/2)), tasks.AdmitOptions{NoReuse: true}); err != nil {
				h.Error(err)
			}
			if err := l.Finish(h.Context(), cs[i].Token, h.success(fmt.Sprint(i/2))); err != nil {
				h.Error(err)
			}
		})
		got := h.batchNow(b)
		if got.State != tasks.BatchComplete || got.Counts != (tasks.BatchCounts{Total: 40, Succeeded: 40}) {
			h.Errorf("batch %+v", got)
		}
		if n := len(h.events()); n != 41 {
			h.Errorf("%d events, want 41", n)
		}
	}},
}
