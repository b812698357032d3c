package ledger

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

var retryContract = []testCase{
	{"what is queued, on the belt or waits is canceled at once", func(h *harness) {
		c := h.running()
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Hour, Cause: &tasks.Error{Code: tasks.Temporary, Errcode: -1}}))
		onBelt := h.submit(1)[0]
		d := h.dispatch()[0]
		queued := h.submit(1)[0]
		for _, id := range []uuid.UUID{c.ID, onBelt, queued} {
			for range 2 {
				if s, err := h.Cancel(h.Context(), id); err != nil || s != tasks.Canceled {
					h.Errorf("cancel: %s, %v", s, err)
				}
			}
			if o := h.outcome(id); o.State != tasks.Canceled || o.Code != tasks.Stopped || o.Errcode != 0 {
				h.Errorf("outcome %+v", o)
			}
		}
		if n := len(h.events()); n != 3 {
			h.Errorf("%d events, want 3", n)
		}
		_, err := claimOne(h.Ledger, d.ID, d.Generation, "w")
		wantFenced(h, err)
	}},
	{"a running one is asked to stop, and its worker hears of it", func(h *harness) {
		c := h.running()
		if s := value(h, h.Cancel)(h.Context(), c.ID); s != tasks.Running {
			h.Errorf("cancel led to %s", s)
		}
		got, err := h.Renew(h.Context(), []tasks.Token{c.Token}, lease)
		must(h, err)
		same(h, "renewal", got, tasks.Renewal{Canceled: []tasks.Token{c.Token}})
	}},
	{"a success that WeChat answered wins over cancel", func(h *harness) {
		c := h.running()
		value(h, h.Cancel)(h.Context(), c.ID)
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		h.wantState(c.ID, tasks.Succeeded)
		s, err := h.Cancel(h.Context(), c.ID)
		wantCode(h, err, tasks.Conflict)
		if s != tasks.Succeeded {
			h.Errorf("state %s", s)
		}
	}},
	{"anything else of a canceled upload ends canceled", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 1 })
		must(h, h.Spend(h.Context(), account))
		for name, leave := range map[string]func(tasks.Claim) error{
			"fail":      func(c tasks.Claim) error { return h.Finish(h.Context(), c.Token, failure(tasks.Rejected)) },
			"cancel":    func(c tasks.Claim) error { return h.Finish(h.Context(), c.Token, tasks.Result{State: tasks.Canceled}) },
			"wait":      func(c tasks.Claim) error { return h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Second}) },
			"hand back": func(c tasks.Claim) error { return h.HandBack(h.Context(), c.Token, time.Second, nil) },
			"die":       func(tasks.Claim) error { h.lose(); return nil },
			"day spent": func(c tasks.Claim) error {
				_, err := h.Admit(h.Context(), c.Token, key("x"), tasks.AdmitOptions{})
				return err
			},
		} {
			c := h.running()
			value(h, h.Cancel)(h.Context(), c.ID)
			must(h, leave(c))
			if o := h.outcome(c.ID); o.State != tasks.Canceled || o.Code != tasks.Stopped {
				h.Errorf("%s: it ended %s %s", name, o.State, o.Code)
			}
			_, err := h.Resume(h.Context(), account.Realm, account.AppID)
			must(h, err)
		}
		if n := h.number("SELECT count(*) FROM events WHERE type = 'upload.canceled'"); n != 6 {
			h.Errorf("%d events, want 6", n)
		}
	}},
	{"a twin that somebody canceled does not wait", func(h *harness) {
		a, b := h.running(), h.running()
		h.admit(a, "x", tasks.Proceed)
		value(h, h.Cancel)(h.Context(), b.ID)
		h.admit(b, "x", tasks.TwinAhead)
		h.wantState(b.ID, tasks.Canceled)
	}},
	{"what is unknown is not found", func(h *harness) {
		_, err := h.Cancel(h.Context(), uuid.New())
		wantCode(h, err, tasks.NotFound)
		wantCode(h, h.Retry(h.Context(), uuid.New(), false), tasks.NotFound)
	}},
	{"only an outcome is retried, a success only on demand", func(h *harness) {
		id := h.submit(1)[0]
		wantCode(h, h.Retry(h.Context(), id, true), tasks.Conflict)
		c := h.again()
		wantCode(h, h.Retry(h.Context(), id, true), tasks.Conflict)
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		wantCode(h, h.Retry(h.Context(), id, false), tasks.Conflict)
		must(h, h.Retry(h.Context(), id, true))
		h.wantState(id, tasks.Queued)
	}},
	{"a retry opens a new round and keeps the history", func(h *harness) {
		c := h.running()
		must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		must(h, h.Retry(h.Context(), c.ID, false))
		o := h.outcome(c.ID)
		if o.State != tasks.Queued || o.Round != 2 || o.Attempts != 0 || o.Code != "" || !o.Finished.IsZero() || len(o.History) != 1 {
			h.Errorf("after the retry: %+v", o)
		}
		wantFenced(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		c = h.again()
		if c.Round != 2 || c.Attempts != 0 {
			h.Errorf("claim %+v", c)
		}
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		o = h.outcome(c.ID)
		if o.State != tasks.Succeeded || len(o.History) != 2 || o.History[0].Round != 1 || o.History[1].Round != 2 || o.History[1].Number != 1 {
			h.Errorf("outcome %+v", o)
		}
	}},
	{"the values of a reason are kept with it, in the event of an earlier round, too", func(h *harness) {
		c := h.running()
		values := tasks.Params{Rule: tasks.RuleSeconds, Measured: 61.2, Limit: 60, Command: "ffmpeg -t 60", Detail: "a\nb"}
		long := &tasks.Error{Code: tasks.TooLong, Op: "check voice", Params: values}
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Minute, Cause: long}))
		values.Detail = "a b"
		same(h, "values while it waits", h.outcome(c.ID).Params, values)
		h.pass(2 * time.Minute)
		h.mature()
		same(h, "values of what is ready again", h.outcome(c.ID).Params, tasks.Params{})
		must(h, h.Finish(h.Context(), h.again().Token, tasks.Result{State: tasks.Failed, Cause: long}))
		same(h, "values of the outcome", h.outcome(c.ID).Params, values)
		must(h, h.Retry(h.Context(), c.ID, false))
		same(h, "values after a retry", h.outcome(c.ID).Params, tasks.Params{})
		var o tasks.Outcome
		must(h, json.Unmarshal(h.events()[0].Data, &o))
		same(h, "values in the event", o.Params, values)
	}},
	{"the event of an earlier round tells of that round", func(h *harness) {
		c := h.running(func(u *tasks.Upload) { u.CallbackURL = "https://crm.example/hook" })
		must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
		before := h.events()[0]
		must(h, h.Retry(h.Context(), c.ID, false))
		must(h, h.Finish(h.Context(), h.again().Token, h.success("x")))
		es := h.events()
		same(h, "event of round 1", string(es[0].Data), string(before.Data))
		if es[0].ID != before.ID || es[0].ID == es[1].ID {
			h.Errorf("ids %s, %s; the first was %s", es[0].ID, es[1].ID, before.ID)
		}
		var o tasks.Outcome
		must(h, json.Unmarshal(es[0].Data, &o))
		if o.Round != 1 || o.State != tasks.Failed || o.Code != tasks.Rejected || o.Attempts != 1 || o.Finished.IsZero() {
			h.Errorf("round 1 is told as %+v", o)
		}
		ds := value(h, h.DispatchDeliveries)(h.Context(), 10)
		d, _, err := h.ClaimDelivery(h.Context(), ds[0].ID, ds[0].Generation, lease)
		must(h, err)
		same(h, "delivered", string(d.Event.Data), string(before.Data))
	}},
}
