package ledger

import (
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// learns tells the ledger what WeChat says of the tests' account, as it stands now.
func (h *harness) learns(daily, used int) {
	h.Helper()
	before, err := h.CallsToday(h.Context(), account)
	must(h, err)
	must(h, h.LearnQuota(h.Context(), account, tasks.LearntQuota{Daily: daily, Used: used, Before: before}))
}

// status is what the ledger tells of the tests' account.
func (h *harness) status() tasks.AccountStatus {
	h.Helper()
	as, err := h.Accounts(h.Context())
	must(h, err)
	for _, a := range as {
		if a.Name == account.Name {
			return a
		}
	}
	h.Fatal("the account is not registered")
	return tasks.AccountStatus{}
}

// leaves checks how many calls are left today.
func (h *harness) leaves(what string, want int) {
	h.Helper()
	if left, limited := h.status().LeftToday(); left != want || !limited {
		h.Errorf("%s: %d calls are left (limited: %v), want %d", what, left, limited, want)
	}
}

// called carries uploads with these contents to their outcome.
func (h *harness) called(contents ...string) {
	h.Helper()
	for i, c := range h.runningN(len(contents)) {
		h.admit(c, contents[i], tasks.Proceed)
		must(h, h.Finish(h.Context(), c.Token, h.success(contents[i])))
	}
}

// contentOf returns which of the contents "a", "b" and "c" a renewal wants.
func contentOf(c tasks.Claim) string {
	for _, content := range []string{"a", "b", "c"} {
		if c.Wants == tasks.HashOf([]byte(content)) {
			return content
		}
	}
	return ""
}

var interactive = func(u *tasks.Upload) { u.Priority = tasks.Interactive }

var quotaContract = []testCase{
	{"the lower of WeChat's daily limit and that of the settings counts", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 3 })
		h.learns(2, 0)
		h.leaves("WeChat's is lower", 2)
		h.called("a", "b")
		h.submit(1)
		h.admit(h.again(), "c", tasks.DaySpent)
		h.learns(100, 2)
		if len(h.holds()) != 0 {
			h.Error("it stays held for a limit that is not reached")
		}
		h.leaves("that of the settings is lower", 1)
		c := h.again()
		h.admit(c, "c", tasks.Proceed)
		must(h, h.Finish(h.Context(), c.Token, h.success("c")))
		h.submit(1)
		h.admit(h.again(), "d", tasks.DaySpent)
	}},
	{"calls of other systems count against WeChat's limit", func(h *harness) {
		h.limit(func(*tasks.Account) {})
		h.learns(10, 0)
		h.called("a")
		h.learns(10, 8)
		if a := h.status(); a.CallsToday != 1 || a.CallsOfOthers != 7 {
			h.Errorf("%d calls of ours and %d of others, want 1 and 7", a.CallsToday, a.CallsOfOthers)
		}
		h.called("b", "c")
		h.submit(1)
		h.admit(h.again(), "d", tasks.DaySpent)
		h.pass(24 * time.Hour)
		h.leaves("the next day", 10)
	}},
	{"a count that was cleared at WeChat gives the calls back, but for those that may be under way", func(h *harness) {
		h.limit(func(*tasks.Account) {})
		h.learns(4, 0)
		cs := h.runningN(4)
		for i, content := range []string{"a", "b", "c", "d"} {
			h.admit(cs[i], content, tasks.Proceed)
		}
		for i, content := range []string{"a", "b", "c"} {
			must(h, h.Finish(h.Context(), cs[i].Token, h.success(content)))
		}
		h.learns(4, 3)
		h.leaves("one call is not made yet", 0)
		must(h, h.Finish(h.Context(), cs[3].Token, h.success("d")))
		h.submit(1)
		h.admit(h.again(), "e", tasks.DaySpent)
		h.learns(4, 0)
		h.leaves("the count was cleared", 4)
		h.admit(h.again(), "e", tasks.Proceed)
	}},
	{"a count from before midnight says nothing of the next day", func(h *harness) {
		h.limit(func(*tasks.Account) {})
		h.learns(10, 0)
		before, err := h.CallsToday(h.Context(), account)
		must(h, err)
		h.pass(24 * time.Hour)
		must(h, h.LearnQuota(h.Context(), account, tasks.LearntQuota{Daily: 10, Used: 10, Before: before}))
		h.leaves("the next day", 10)
	}},
	{"45009 before the limit is reached corrects the count", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 10 })
		h.learns(10, 0)
		must(h, h.Hold(h.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.DailyLimit, Errcode: 45009, Until: h.today().Add(time.Hour)}))
		h.leaves("after 45009", 0)
		h.learns(10, 4)
		h.leaves("after WeChat was asked", 6)
	}},
	{"who resumes an account after 45009 lets the next call show whether calls are left", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 10 })
		h.called("a")
		must(h, h.Hold(h.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.DailyLimit, Errcode: 45009, Until: h.today().Add(time.Hour)}))
		h.leaves("after 45009", 0)
		_, err := h.Resume(h.Context(), account.Realm, account.AppID)
		must(h, err)
		h.leaves("after a person resumed it", 9)
		h.admit(h.running(), "b", tasks.Proceed)
	}},
	{"a part of the day's calls is kept for interactive uploads", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit, a.Reserve = 5, 40 })
		h.submit(9)
		ds := h.fill(wide)
		if len(ds) != 3 {
			h.Fatalf("%d bulk uploads are dispatched, want the 3 that may call", len(ds))
		}
		for i, d := range ds {
			c, content := h.claimed(d), string(rune('a'+i))
			h.admit(c, content, tasks.Proceed)
			must(h, h.Finish(h.Context(), c.Token, h.success(content)))
		}
		ds = h.fill(wide)
		if len(ds) != 1 {
			h.Fatalf("%d more are dispatched, want the one that finds the reserve", len(ds))
		}
		bulk := h.claimed(ds[0])
		h.admit(bulk, "x", tasks.DaySpent)
		held := h.holds()
		if len(held) != 1 || !held[0].BulkOnly || !strings.Contains(held[0].Reason, "2 calls") {
			h.Fatalf("holds %+v, want one of bulk uploads that tells of 2 calls", held)
		}
		if o := h.outcome(bulk.ID); o.State != tasks.Waiting || o.Code != tasks.DailyLimit {
			h.Errorf("the bulk upload is %s %s", o.State, o.Code)
		}
		ids := h.submit(3, interactive)
		if o := h.outcome(ids[0]); o.State != tasks.Queued {
			h.Errorf("an interactive upload is %s", o.State)
		}
		ds = h.fill(wide)
		if len(ds) != 2 {
			h.Fatalf("%d are dispatched, want the 2 interactive ones that may call", len(ds))
		}
		for i, d := range ds {
			c, content := h.claimed(d), string(rune('y'+i))
			h.admit(c, content, tasks.Proceed)
			must(h, h.Finish(h.Context(), c.Token, h.success(content)))
		}
		h.admit(h.again(), "0", tasks.DaySpent)
		if held := h.holds(); len(held) != 1 || held[0].BulkOnly {
			h.Errorf("holds %+v, want one of the whole account", held)
		}
		if o := h.outcome(ids[2]); o.State != tasks.Waiting {
			h.Errorf("an interactive upload of a spent account is %s", o.State)
		}
	}},
	{"the reserve is no reason to leave a dead worker's upload to itself, nor to try it again and again", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit, a.Reserve = 2, 50 })
		c := h.running()
		h.pass(2 * lease)
		h.takeOver()
		must(h, h.Spend(h.Context(), account))
		h.admit(h.again(), "x", tasks.DaySpent)
		if ds := h.fill(wide); len(ds) != 0 {
			h.Errorf("%d are dispatched again", len(ds))
		}
		h.pass(24 * time.Hour)
		again := h.again()
		if again.ID != c.ID {
			h.Fatal("another upload")
		}
		h.admit(again, "x", tasks.Proceed)
	}},
	{"bulk uploads leave calls to the media that must be renewed today", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit, a.Reserve = 10, 20 })
		for _, content := range []string{"a", "b", "c"} {
			h.keeping(content)
		}
		h.pass(60*time.Hour + time.Minute) // a day has begun, and they are due in it
		ids := h.submit(9)
		if a := h.status(); a.Renewals != 3 || a.Plan.Days[0].Uploads != 5 || a.Plan.Days[1].Uploads != 4 {
			h.Errorf("%d calls are for renewals, plan %+v: want 3 and 5 uploads today", a.Renewals, a.Plan)
		}
		ds := h.fill(wide)
		if len(ds) != 5 {
			h.Fatalf("%d bulk uploads are dispatched, want the 5 that may call", len(ds))
		}
		for i, d := range ds {
			c, content := h.claimed(d), string(rune('p'+i))
			h.admit(c, content, tasks.Proceed)
			must(h, h.Finish(h.Context(), c.Token, h.success(content)))
		}
		h.admit(h.again(), "x", tasks.DaySpent)
		if held := h.holds(); len(held) != 1 || !held[0].BulkOnly || !strings.Contains(held[0].Reason, "5 calls") || !strings.Contains(held[0].Reason, "3 media") {
			h.Fatalf("holds %+v, want one of bulk uploads that tells of 5 calls and 3 media", held)
		}
		h.pass(2 * lease)
		h.pass(6 * time.Hour)
		cs := h.renewals()
		if len(cs) != 3 {
			h.Fatalf("%d renewals are dispatched, want 3 though bulk uploads are held", len(cs))
		}
		h.pass(2 * lease) // their worker dies
		h.takeOver()
		if ds = h.dispatch(); len(ds) != 3 {
			h.Fatalf("%d renewals of a dead worker are dispatched again, want 3", len(ds))
		}
		for _, d := range ds {
			c := h.claimed(d)
			content := contentOf(c)
			h.admit(c, content, tasks.Proceed, tasks.AdmitOptions{NoReuse: true})
			h.renew(c, content, "new-"+content)
		}
		if ds := h.dispatch(); len(ds) != 0 {
			h.Errorf("%d more are dispatched", len(ds))
		}
		if n := h.calls(); n != 8 {
			h.Errorf("%d calls, want 5 of bulk uploads and 3 of renewals", n)
		}
		if o := h.outcome(ids[8]); o.State != tasks.Waiting {
			h.Errorf("the last bulk upload is %s", o.State)
		}
		h.pass(24 * time.Hour)
		if ds := h.dispatch(); len(ds) != 1 {
			h.Errorf("%d are dispatched on the next day, want the one that goes first after a hold", len(ds))
		}
		h.clean()
	}},
	{"the earliest deadline goes first, and batches of one deadline take turns", func(h *harness) {
		h.register()
		by := func(d time.Duration) func(*tasks.Upload) {
			at := h.today().Add(d)
			return func(u *tasks.Upload) { u.ExpiresBy = at }
		}
		one, two := h.batch(tasks.Batch{Producer: "crm"}), h.batch(tasks.Batch{Producer: "crm"})
		names := map[uuid.UUID]string{}
		for name, ids := range map[string][]uuid.UUID{
			"none": h.submit(5, in(one.ID)), "late": h.submit(5, in(one.ID), by(9*time.Hour)), "soon": h.submit(2, in(two.ID), by(time.Hour)),
			"soon too": h.submit(4, in(one.ID), by(2*time.Hour)), "soon as well": h.submit(4, in(two.ID), by(2*time.Hour)),
			"other": h.submit(3, func(u *tasks.Upload) { u.Producer = "erp" }),
		} {
			for _, id := range ids {
				names[id] = name
			}
		}
		taken := func(n int) map[string]int {
			got := map[string]int{}
			for _, d := range h.fill(tasks.Window{Bulk: n}) {
				got[names[d.ID]]++
				h.claimed(d)
			}
			return got
		}
		same(h, "first", taken(6), map[string]int{"soon": 2, "soon too": 1, "other": 3})
		same(h, "then", taken(6+4), map[string]int{"soon too": 2, "soon as well": 2})
		same(h, "at last", taken(100), map[string]int{"soon too": 1, "soon as well": 2, "late": 5, "none": 5})
	}},
	{"an upload is refused that can't be done by its deadline, whatever comes", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit, a.Reserve = 10, 20 })
		h.pass(time.Hour)
		ask := func(n int, d time.Duration, change ...func(*tasks.Upload)) []tasks.Receipt {
			h.Helper()
			at := h.today().Add(d)
			us := make([]tasks.Upload, n)
			for i := range us {
				us[i] = h.upload(append([]func(*tasks.Upload){func(u *tasks.Upload) { u.ExpiresBy = at }}, change...)...)
			}
			return value(h, h.Accept)(h.Context(), us)
		}
		refused := func(rs []tasks.Receipt) (n int, why string) {
			for _, r := range rs {
				if r.Err != nil {
					n, why = n+1, r.Err.Error()
				}
			}
			return n, why
		}
		h.submit(100) // what has no deadline gives way
		if n, why := refused(ask(8, 2*time.Hour)); n != 0 {
			h.Fatalf("%d are refused though today has 8 calls for bulk uploads: %s", n, why)
		}
		if n, why := refused(ask(10, 20*time.Hour)); n != 2 || !strings.Contains(why, "16 calls until then") || !strings.Contains(why, "16 uploads") || !strings.Contains(why, "done on 2026-11-24") {
			h.Errorf("%d of 10 are refused, want the 2 beyond the 16 calls of two days: %s", n, why)
		}
		if n, why := refused(ask(1, 3*time.Hour)); n != 1 || !strings.Contains(why, "8 calls until then") || !strings.Contains(why, "8 uploads") {
			h.Errorf("%d are refused, want the one more than today has: %s", n, why)
		}
		if n, why := refused(ask(8, 3*time.Hour, func(u *tasks.Upload) { u.Producer = "erp" })); n != 0 {
			h.Errorf("%d of another producer are refused, who has its turns: %s", n, why)
		}
		if n, why := refused(ask(10, 3*time.Hour, interactive)); n != 0 {
			h.Errorf("%d interactive uploads are refused, which have all calls of the day: %s", n, why)
		}
		named := func(u *tasks.Upload) { u.ExternalID = "again" }
		first := ask(1, 40*time.Hour, named)
		h.pass(0)
		if n, why := refused(ask(8, 40*time.Hour)); n != 1 {
			h.Errorf("%d are refused, want 1: %s", n, why)
		}
		u := h.upload(named)
		u.ExpiresBy = h.today().Add(40 * time.Hour)
		if r := value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0]; r.Err != nil && r.Err.Code != tasks.Conflict || r.ID != first[0].ID {
			h.Errorf("the repeated request got %+v", r)
		}
		if n, why := refused(ask(9, 9000*time.Hour)); n != 0 {
			h.Errorf("%d with a far deadline are refused: %s", n, why)
		}
	}},
	{"the plan goes by what is left, the reserve, holds and the measured rate", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit, a.Reserve = 100, 10 })
		if p := h.status().Plan; p != nil {
			h.Errorf("a plan for nothing: %+v", p)
		}
		h.submit(200)
		p := h.status().Plan
		if p == nil || len(p.Days) != 3 || p.Days[0].Uploads != 90 || p.Days[1].Uploads != 90 || p.Days[2].Uploads != 20 || p.Measured {
			h.Fatalf("plan %+v, want 90, 90 and 20 uploads", p)
		}
		if day := tasks.DayEnd(h.today(), nil); !p.Days[1].Begins.Equal(day) || !p.Done.Equal(day.Add(24*time.Hour)) {
			h.Errorf("plan %+v, want the second day at %v", p, day)
		}
		for i, d := range h.fill(wide)[:60] {
			c := h.claimed(d)
			content := strings.Repeat("x", i+1)
			h.admit(c, content, tasks.Proceed)
			must(h, h.Finish(h.Context(), c.Token, h.success(content)))
		}
		h.pass(time.Minute) // 60 in a minute of work
		p = h.status().Plan
		if !p.Measured || p.Days[0].Uploads != 30 || !p.Done.Equal(tasks.DayEnd(h.today(), nil).Add(24*time.Hour+20*time.Second)) {
			h.Errorf("plan %+v, want 30 today and 20 s of work on the day after tomorrow", p)
		}
		must(h, h.Hold(h.Context(), tasks.Hold{Realm: account.Realm, AppID: account.AppID, Code: tasks.AccountHeld, Until: h.today().Add(30 * time.Hour)}))
		if p := h.status().Plan; !p.Days[0].Begins.Equal(h.today().Add(30 * time.Hour)) {
			h.Errorf("plan %+v, want its beginning after the hold", p)
		}
	}},
	{"batches share the days evenly, and their plans say so", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 10 })
		small, large := h.batch(tasks.Batch{Producer: "crm"}), h.batch(tasks.Batch{Producer: "crm"})
		h.submit(10, in(small.ID))
		h.submit(30, in(large.ID))
		for b, want := range map[*tasks.Batch]int{&small: 2, &large: 4} {
			if got := h.batchNow(*b); got.Plan == nil || len(got.Plan.Days) != want {
				h.Errorf("the plan of a batch of %d is %+v, want %d days", got.Counts.Open, got.Plan, want)
			}
		}
	}},
}
