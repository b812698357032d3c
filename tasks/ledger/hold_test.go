package ledger

import (
	"encoding/json"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mediaferry/mediaferry/tasks"
)

var holdContract = []testCase{
	{"the values of a reason are kept with attempts, holds and refused rows", func(h *harness) {
		h.register()
		b := h.batch(tasks.Batch{})
		c := h.running(in(b.ID))
		why := &tasks.Error{Code: tasks.Temporary, Op: "upload media", Err: tasks.Textf("HTTP %d with an empty body", 502)}
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Minute, Cause: why, Attempt: &tasks.Attempt{
			Round: c.Round, Started: h.now(), Code: why.Code, Reason: why.Error(), Params: why.Values(),
		}}))
		refused := &tasks.Error{Code: tasks.Invalid, Op: "check upload", Err: tasks.Textf("%s: %w", "type", tasks.Textf("is missing"))}
		must(h, h.Refuse(h.Context(), b.ID, []tasks.Refusal{tasks.RefusalOf(7, "", refused)}))
		detail := tasks.Params{Detail: "invalid appsecret\n", Address: "192.0.2.1"}
		must(h, h.Hold(h.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Errcode: 40125, Reason: "x", Params: detail, Until: h.now().Add(time.Hour)}))
		detail.Detail = "invalid appsecret"
		same(h, "values of the attempt", h.outcome(c.ID).History[0].Params, why.Values())
		same(h, "values of the hold", h.holds()[0].Params, detail)
		rows, err := h.Refusals(h.Context(), b.ID, 0, 0)
		must(h, err)
		same(h, "values of the refusal", rows[0].Params, refused.Values())
		same(h, "what stands in its sentence", rows[0].Params.Text.Parts, []*tasks.Text{tasks.Textf("is missing")})
	}},
	{"nothing of a held account is dispatched, and no upload is written", func(h *harness) {
		h.register()
		held := h.submit(5)
		other := h.submit(2, of("other"))
		h.hold(tasks.AccountHeld, time.Hour)
		if ds := h.dispatch(); len(ds) != 2 || ds[0].ID != other[0] {
			h.Errorf("%d were dispatched, want the 2 of the other account", len(ds))
		}
		if n := h.number("SELECT count(*) FROM uploads WHERE phase = 0 AND due_at IS NULL AND code IS NULL"); n != 5 {
			h.Errorf("%d rows are as they were, want 5", n)
		}
		o := h.outcome(held[0])
		hold := h.holds()[0]
		if o.State != tasks.Waiting || o.Code != tasks.AccountHeld || o.Errcode != 40164 || o.RID != "r-9" || !o.Until.Equal(hold.Until) || o.Hint == "" {
			h.Errorf("it is shown as %+v", o)
		}
	}},
	{"what is on the belt when the hold begins goes back by itself", func(h *harness) {
		h.register()
		h.submit(1)
		d := h.dispatch()[0]
		h.hold(tasks.MinuteLimit, time.Minute)
		_, err := claimOne(h.Ledger, d.ID, d.Generation, "w")
		wantFenced(h, err)
		if len(h.belt()) != 0 {
			h.Error("it still counts as dispatched")
		}
		h.pass(time.Minute)
		if c := h.again(); c.ID != d.ID || c.Attempts != 0 {
			h.Errorf("claim %+v", c)
		}
	}},
	{"after the hold one probe goes, then twice as many with each success", func(h *harness) {
		h.register()
		h.submit(200)
		h.submit(1, urgent)
		h.hold(tasks.AccountHeld, time.Minute)
		h.pass(time.Minute)
		total := 0
		for _, want := range []int{1, 2, 4, 8, 16, 32} {
			ds := h.dispatch()
			if total += len(ds); len(ds) == 0 || len(h.belt()) != want {
				h.Fatalf("%d are on the belt, want %d", len(h.belt()), want)
			}
			if more := h.dispatch(); len(more) != 0 {
				h.Errorf("%d more beyond the ramp of %d", len(more), want)
			}
			must(h, h.Finish(h.Context(), h.claimed(ds[0]).Token, h.success("x")))
		}
		if hs := h.holds(); len(hs) != 0 {
			h.Errorf("the hold has not ended: %+v", hs)
		}
		if n := len(h.dispatch()); n+total != 201 {
			h.Errorf("%d were dispatched, want all", n+total)
		}
		types := h.eventTypes()
		if types[0] != tasks.HoldBegan || types[len(types)-1] != tasks.HoldEnded {
			h.Errorf("events %v", types)
		}
	}},
	{"a probe on the belt is not joined by others at the claim", func(h *harness) {
		h.register()
		h.submit(3)
		ds := h.dispatch()
		h.hold(tasks.AccountHeld, time.Minute)
		h.pass(time.Minute)
		probe := h.claimed(ds[0])
		_, err := claimOne(h.Ledger, ds[1].ID, ds[1].Generation, "w")
		wantFenced(h, err)
		must(h, h.Finish(h.Context(), probe.Token, h.success("x")))
		h.claimed(ds[2])
	}},
	{"what made no call says nothing about the account", func(h *harness) {
		h.register()
		must(h, h.KeepMedia(h.Context(), key("x"), h.media("m")))
		h.submit(5)
		h.hold(tasks.AccountHeld, time.Minute)
		h.pass(time.Minute)
		for _, res := range []tasks.Result{{State: tasks.Succeeded, Key: key("x"), Media: h.media("m"), Reused: true}, failure(tasks.Corrupt)} {
			must(h, h.Finish(h.Context(), h.again().Token, res))
		}
		if hs := h.holds(); len(hs) != 1 || hs[0].Ramp != 1 {
			h.Errorf("holds %+v, want a ramp of 1", hs)
		}
	}},
	{"accounts of one appid are held together", func(h *harness) {
		twin := account
		twin.Name = "shop2"
		h.register(twin)
		h.submit(3)
		h.submit(3, of("shop2"))
		h.hold(tasks.AccountHeld, time.Minute)
		if n := len(h.dispatch()); n != 0 {
			h.Errorf("%d were dispatched", n)
		}
		h.pass(time.Minute)
		if n := len(h.dispatch()); n != 1 {
			h.Errorf("%d probes, want 1", n)
		}
	}},
	{"a failed probe holds it again, without another event", func(h *harness) {
		h.register()
		h.submit(1)
		h.hold(tasks.AccountHeld, time.Minute)
		since := h.holds()[0].Since
		h.pass(time.Minute)
		c := h.again()
		h.hold(tasks.AccountHeld, time.Minute)
		must(h, h.HandBack(h.Context(), c.Token, 0, nil))
		if n := len(h.dispatch()); n != 0 {
			h.Errorf("%d were dispatched while held again", n)
		}
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.HoldBegan})
		if hs := h.holds(); hs[0].Ramp != 0 || !hs[0].Since.Equal(since) {
			h.Errorf("hold %+v, since %s", hs[0], since)
		}
		h.pass(time.Minute)
		h.again()
	}},
	{"another reason is told, and the later end counts", func(h *harness) {
		h.register()
		h.hold(tasks.DailyLimit, time.Hour)
		until := h.holds()[0].Until
		h.hold(tasks.MinuteLimit, time.Minute)
		if got := h.holds()[0]; !got.Until.Equal(until) || got.Code != tasks.DailyLimit {
			h.Errorf("hold %+v", got)
		}
		h.hold(tasks.AccountHeld, 2*time.Hour)
		if got := h.holds()[0]; got.Code != tasks.AccountHeld {
			h.Errorf("hold %+v", got)
		}
		var told []tasks.Code
		for _, e := range h.events() {
			var hold tasks.Hold
			must(h, json.Unmarshal(e.Data, &hold))
			told = append(told, hold.Code)
		}
		same(h, "told", told, []tasks.Code{tasks.DailyLimit, tasks.AccountHeld})
	}},
	{"resume lifts a hold at once", func(h *harness) {
		h.register()
		h.submit(3)
		h.hold(tasks.AccountHeld, time.Hour)
		for _, want := range []bool{true, false} {
			if got, err := h.Resume(h.Context(), account.Realm, account.AppID); err != nil || got != want {
				h.Errorf("resumed %v (%v), want %v", got, err, want)
			}
		}
		if n := len(h.dispatch()); n != 3 {
			h.Errorf("%d were dispatched, want 3", n)
		}
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.HoldBegan, tasks.HoldEnded})
	}},
	{"changed credentials lift what was wrong with them, and no limit", func(h *harness) {
		h.register()
		h.hold(tasks.AccountHeld, time.Hour)
		h.register()
		if len(h.holds()) != 1 {
			h.Error("the same credentials lifted the hold")
		}
		changed := account
		changed.Fingerprint = "f2"
		h.register(changed)
		if len(h.holds()) != 0 {
			h.Error("changed credentials did not lift the hold")
		}
		h.hold(tasks.MinuteLimit, time.Hour)
		changed.Fingerprint = "f3"
		h.register(changed)
		if len(h.holds()) != 1 {
			h.Error("changed credentials lifted the minute's limit")
		}
	}},
	{"accounts are listed with holds, calls and open uploads", func(h *harness) {
		a, b := account, tasks.Account{Name: "other", Realm: "wechat.example", AppID: "wx2", DailyLimit: 9}
		h.register(a, b)
		c := h.running(of("other"))
		h.submit(2)
		h.submit(1, of("other"))
		must(h, h.Spend(h.Context(), b))
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Hour}))
		h.hold(tasks.AccountHeld, time.Hour)
		got, err := h.Accounts(h.Context())
		must(h, err)
		hold := h.holds()[0]
		same(h, "accounts", got, []tasks.AccountStatus{
			{Name: "other", Realm: "wechat.example", AppID: "wx2", CallsToday: 1, DailyLimit: 9, Open: 2},
			{Name: "shop", Realm: "wechat.example", AppID: "wx1", Open: 2, Hold: &hold},
		}, cmpopts.EquateEmpty(), cmpopts.IgnoreFields(tasks.AccountStatus{}, "Plan", "Prospect"))
	}},
}

func (h *harness) register(as ...tasks.Account) {
	h.Helper()
	if len(as) == 0 || as[0].Name != account.Name {
		as = append(as, account)
	}
	must(h, h.Join(h.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, as))
}

// hold holds the tests' account for so long.
func (h *harness) hold(code tasks.Code, d time.Duration) {
	h.Helper()
	must(h, h.Hold(h.Context(), tasks.Hold{
		Realm: account.Realm, AppID: account.AppID, Code: code, Errcode: 40164, RID: "r-9", Reason: "not in the allow-list", Until: h.today().Add(d),
	}))
}

func (h *harness) holds() []tasks.Hold {
	h.Helper()
	hs, err := h.Holds(h.Context())
	must(h, err)
	return hs
}
