package ledger

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// fresh asks to keep the media of an upload alive.
func (h *harness) fresh(d time.Duration) func(*tasks.Upload) {
	until := h.today().Add(d)
	return func(u *tasks.Upload) { u.KeepFreshUntil = until }
}

// keeping submits an upload that asks to keep its media alive, and lets it succeed.
func (h *harness) keeping(content string, change ...func(*tasks.Upload)) uuid.UUID {
	h.Helper()
	id := h.submit(1, append([]func(*tasks.Upload){h.fresh(30 * 24 * time.Hour)}, change...)...)[0]
	must(h, h.Finish(h.Context(), h.pick(id).Token, h.success(content)))
	return id
}

// renewals makes those that are due, and returns their claims.
func (h *harness) renewals() []tasks.Claim {
	h.Helper()
	_, err := h.RenewDue(h.Context(), 1000)
	must(h, err)
	var cs []tasks.Claim
	for _, d := range h.dispatch() {
		cs = append(cs, h.claimed(d))
	}
	return cs
}

// renewing is renewals for the one media that is kept alive.
func (h *harness) renewing() tasks.Claim {
	h.Helper()
	cs := h.renewals()
	if len(cs) != 1 {
		h.Fatalf("%d renewals are under way, want 1", len(cs))
	}
	return cs[0]
}

// renew lets a renewal succeed with a new media.
func (h *harness) renew(c tasks.Claim, content, media string) {
	h.Helper()
	r := h.success(content)
	r.Media = h.media(media)
	must(h, h.Finish(h.Context(), c.Token, r))
}

// changes returns what was told of kept media, each as "type producer media".
func (h *harness) changes() []string {
	h.Helper()
	var all []string
	for _, e := range h.events() {
		if e.Type != tasks.MediaRenewed && e.Type != tasks.MediaStale {
			continue
		}
		var c tasks.MediaChange
		must(h, json.Unmarshal(e.Data, &c))
		if c.Producer != e.Producer || len(c.Uploads) == 0 {
			h.Errorf("event of %s has %+v", e.Producer, c)
		}
		text := fmt.Sprintf("%s %s %s", e.Type, e.Producer, c.MediaID)
		if c.OldMediaID != "" {
			text += " for " + c.OldMediaID
		}
		if c.Code != "" {
			text += " " + string(c.Code)
		}
		all = append(all, text)
	}
	return all
}

func (h *harness) current(id uuid.UUID) string {
	h.Helper()
	c := h.outcome(id).Current
	if c == nil {
		return ""
	}
	return c.MediaID
}

const (
	almost = 72*time.Hour - tasks.RenewBefore // by then every media is due
	hours  = time.Hour
)

var keptContract = []testCase{
	{"a media that is kept alive is renewed before it expires", func(h *harness) {
		h.register()
		id := h.keeping("a", withCallback)
		if cs := h.renewals(); len(cs) != 0 {
			h.Fatalf("%d renewals just after the upload", len(cs))
		}
		before, err := h.Conservation(h.Context())
		must(h, err)
		h.pass(almost)
		c := h.renewing()
		if c.Wants != tasks.HashOf([]byte("a")) || !c.NoReuse || c.Source != h.outcome(id).Source {
			h.Errorf("the renewal is %+v", c)
		}
		h.renew(c, "a", "new")
		if o := h.outcome(id); o.MediaID != "media-a" || h.current(id) != "new" {
			h.Errorf("the outcome has %s, current %s", o.MediaID, h.current(id))
		}
		same(h, "told", h.changes(), []string{"media.renewed crm new for media-a"})
		if n := h.number("SELECT count(*) FROM deliveries"); n != 2 {
			h.Errorf("%d deliveries, want one of the outcome and one of the renewal", n)
		}
		after, err := h.Conservation(h.Context())
		must(h, err)
		same(h, "conservation", after, before)
		page, _, err := h.List(h.Context(), tasks.Filter{})
		must(h, err)
		counts, err := h.Count(h.Context(), tasks.Filter{})
		must(h, err)
		if len(page) != 1 || len(counts) != 1 || counts[0].Uploads != 1 {
			h.Errorf("%d uploads are listed, %v counted: want the one", len(page), counts)
		}
		wantCode(h, h.Retry(h.Context(), c.ID, true), tasks.NotFound)
		if cs := h.renewals(); len(cs) != 0 {
			h.Errorf("%d renewals just after the renewal", len(cs))
		}
		h.clean()
	}},
	{"a renewal under way is in no count", func(h *harness) {
		h.register()
		h.keeping("a")
		h.pass(almost)
		look := func(what string) {
			h.Helper()
			st, err := h.Status(h.Context())
			must(h, err)
			if st.Counts[tasks.Queued]+st.Counts[tasks.Running]+st.Counts[tasks.Waiting] != 0 || !st.OldestOpen.IsZero() || st.Accounts[0].Open != 0 {
				h.Errorf("%s: the status is %+v", what, st)
			}
			for _, s := range []tasks.State{tasks.Queued, tasks.Running, tasks.Waiting} {
				if page, _, err := h.List(h.Context(), tasks.Filter{States: []tasks.State{s}}); err != nil || len(page) != 0 {
					h.Errorf("%s: %d are listed as %s: %v", what, len(page), s, err)
				}
			}
		}
		_, err := h.RenewDue(h.Context(), 10)
		must(h, err)
		look("ready")
		ds := h.dispatch()
		look("on the belt")
		c := h.claimed(ds[0])
		look("running")
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Hour, Cause: &tasks.Error{Code: tasks.Temporary}, Attempt: &tasks.Attempt{Code: tasks.Temporary}}))
		look("waiting")
		h.clean()
	}},
	{"one renewal serves all who asked for a content, and each is told once", func(h *harness) {
		h.register()
		to := func(producer, url string) func(*tasks.Upload) {
			return func(u *tasks.Upload) { u.Producer, u.CallbackURL = producer, url }
		}
		for range 2 {
			h.keeping("a", to("crm", "https://crm.example/1"))
		}
		h.keeping("a", to("crm", "https://crm.example/2"))
		h.keeping("a", to("erp", "https://crm.example/1"))
		h.pass(almost)
		h.renew(h.renewing(), "a", "new")
		told := h.changes()
		slices.Sort(told)
		same(h, "told", told, []string{"media.renewed crm new for media-a", "media.renewed crm new for media-a", "media.renewed erp new for media-a"})
		h.clean()
	}},
	{"each source is tried until one has the content", func(h *harness) {
		h.register()
		from := func(source string) func(*tasks.Upload) { return func(u *tasks.Upload) { u.Source = source } }
		for _, source := range []string{"b.jpg", "a.jpg", "a.jpg", "c.jpg"} {
			h.keeping("x", from(source))
		}
		h.pass(almost)
		for _, source := range []string{"a.jpg", "b.jpg", "c.jpg"} {
			c := h.renewing()
			if c.Source != source {
				h.Errorf("the source is %s, want %s", c.Source, source)
			}
			if source == "c.jpg" {
				h.renew(c, "x", "new")
			} else {
				must(h, h.Finish(h.Context(), c.Token, failure(tasks.OtherBytes)))
			}
		}
		same(h, "told", h.changes(), []string{"media.renewed crm new for media-x"})
		h.clean()
	}},
	{"where no source has the content, that is told at once and tried again", func(h *harness) {
		h.register()
		id := h.keeping("x")
		h.pass(almost)
		must(h, h.Finish(h.Context(), h.renewing().Token, failure(tasks.Missing)))
		same(h, "told", h.changes(), []string{"media.stale crm media-x missing"})
		if cs := h.renewals(); len(cs) != 0 {
			h.Errorf("%d renewals just after one has failed", len(cs))
		}
		h.pass(renewAgain)
		must(h, h.Finish(h.Context(), h.renewing().Token, failure(tasks.Missing)))
		h.pass(2 * renewAgain)
		h.renew(h.renewing(), "x", "new")
		same(h, "told", h.changes(), []string{"media.stale crm media-x missing", "media.renewed crm new for media-x"})
		if got := h.current(id); got != "new" {
			h.Errorf("current is %q", got)
		}
		h.clean()
	}},
	{"a failure that may pass is told only when the end is near", func(h *harness) {
		h.register()
		h.keeping("x")
		h.pass(almost)
		must(h, h.Finish(h.Context(), h.renewing().Token, failure(tasks.Temporary)))
		same(h, "told", h.changes(), []string(nil))
		h.pass(tasks.RenewBefore - staleBefore)
		for range 2 {
			h.renewals()
		}
		same(h, "told", h.changes(), []string{"media.stale crm media-x temporary"})
		h.clean()
	}},
	{"the media of a held account is not renewed, and that is told", func(h *harness) {
		h.register()
		h.keeping("x")
		h.pass(almost)
		h.hold(tasks.AccountHeld, 100*time.Hour)
		if cs := h.renewals(); len(cs) != 0 {
			h.Errorf("%d renewals of a held account", len(cs))
		}
		same(h, "told", h.changes(), []string(nil))
		h.pass(tasks.RenewBefore - staleBefore)
		h.renewals()
		same(h, "told", h.changes(), []string{"media.stale crm media-x account"})
		h.clean()
	}},
	{"renewals take no more than the calls of the day, and what expires first goes first", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 100 })
		h.keeping("first")
		h.pass(time.Hour)
		for _, content := range []string{"second", "third"} {
			h.keeping(content)
		}
		h.pass(80 * hours)
		h.limit(func(a *tasks.Account) { a.DailyLimit = 2 })
		h.limits.forget()
		cs := h.renewals()
		if len(cs) != 2 || !slices.ContainsFunc(cs, func(c tasks.Claim) bool { return c.Wants == tasks.HashOf([]byte("first")) }) {
			h.Errorf("%d renewals, want 2 with the one that expired first", len(cs))
		}
	}},
	{"renewals give way to all others of their account, and not for ever", func(h *harness) {
		h.register()
		h.keeping("x")
		h.pass(almost)
		_, err := h.RenewDue(h.Context(), 10)
		must(h, err)
		asked := h.submit(2)
		one := tasks.Window{Bulk: 1}
		if ds := h.fill(one); len(ds) != 1 || ds[0].ID != asked[0] {
			h.Fatalf("dispatched %v, want the upload that somebody asked for", ds)
		}
		h.pass(renewalPressing)
		if ds := h.fill(tasks.Window{Bulk: 2}); len(ds) != 1 || ds[0].ID == asked[1] {
			h.Errorf("dispatched %v, want the renewal", ds)
		}
	}},
	{"another upload of the content is a renewal too, without a call", func(h *harness) {
		h.register()
		id := h.keeping("x")
		h.pass(2 * hours)
		c := h.running()
		r := h.success("x")
		r.Media = h.media("newer")
		must(h, h.Finish(h.Context(), c.Token, r))
		h.pass(almost - 2*hours)
		if h.pass(0); len(h.renewals()) != 0 && h.current(id) != "newer" {
			h.Error("it was uploaded again, though a newer media is known")
		}
	}},
	{"a repeated request extends the date, also long after", func(h *harness) {
		h.register()
		u := h.upload()
		id := value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0].ID
		must(h, h.Finish(h.Context(), h.pick(id).Token, h.success("x")))
		h.pass(100 * hours)
		if cs := h.renewals(); len(cs) != 0 {
			h.Fatalf("%d renewals of what nobody asked to keep", len(cs))
		}
		again := func(d time.Duration) {
			h.Helper()
			u.KeepFreshUntil = h.today().Add(d)
			r := value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0]
			if r.Err != nil || r.Created || r.ID != id {
				h.Fatalf("the repeated request got %+v", r)
			}
		}
		again(200 * hours)
		h.renew(h.renewing(), "x", "second")
		again(10 * hours) // an earlier date changes nothing
		h.pass(almost)
		h.renew(h.renewing(), "x", "third")
		again(500 * hours)
		h.pass(almost)
		h.pass(almost)
		h.renew(h.renewing(), "x", "fourth")
		h.clean()
	}},
	{"it ends with the date", func(h *harness) {
		h.register()
		h.keeping("x", h.fresh(10*hours))
		h.pass(11 * hours)
		h.renewals()
		h.unkept()
		h.pass(almost)
		if cs := h.renewals(); len(cs) != 0 {
			h.Errorf("%d renewals after the date", len(cs))
		}
		h.clean()
	}},
	{"it ends by cancel, with the renewal that is under way", func(h *harness) {
		h.register()
		id := h.keeping("x")
		h.pass(almost)
		_, err := h.RenewDue(h.Context(), 10)
		must(h, err)
		if s, err := h.Cancel(h.Context(), id); err != nil || s != tasks.Succeeded {
			h.Errorf("canceled: %s, %v", s, err)
		}
		h.unkept()
		if ds := h.dispatch(); len(ds) != 0 {
			h.Error("its renewal is dispatched")
		}
		_, err = h.Cancel(h.Context(), id)
		wantCode(h, err, tasks.Conflict)
		h.clean()
	}},
	{"it ends by cancel of many, which leaves alone what is not kept alive", func(h *harness) {
		h.register()
		id, other := h.keeping("x"), h.keeping("y", func(u *tasks.Upload) { u.Producer = "erp" })
		plain := h.running()
		must(h, h.Finish(h.Context(), plain.Token, h.success("z")))
		for _, f := range []tasks.Filter{{Producer: "crm"}, {Producer: "crm", Source: "*"}} { // a source is searched for, row by row
			counts, err := h.Count(h.Context(), f)
			must(h, err)
			same(h, "counted", counts, []tasks.Count{{Account: account.Name, State: tasks.Succeeded, Uploads: 2, Kept: 1}})
		}
		a := h.begin(tasks.Action{Kind: tasks.ActionCancel, By: "li@desk", Choice: tasks.ChoiceOf(tasks.Filter{Producer: "crm"})}, "p1")
		_, taken, err := h.RunActionStep(h.Context(), nextStep(a, "p1", "", id, plain.ID))
		must(h, err)
		same(h, "taken", taken, []tasks.Taken{{ID: id, State: tasks.Succeeded}})
		if o := h.outcome(id); o.State != tasks.Succeeded || !o.KeepFresh.IsZero() {
			h.Errorf("it is %s and kept until %s", o.State, o.KeepFresh)
		}
		h.pass(almost)
		h.renew(h.renewing(), "y", "new")
		if h.current(other) != "new" {
			h.Error("what another producer asked for is not kept alive any more")
		}
		h.clean()
	}},
	{"what one producer forgets another one keeps, with another media", func(h *harness) {
		h.register()
		h.keeping("x")
		other := h.keeping("x", func(u *tasks.Upload) { u.Producer = "erp" })
		must(h, h.Forget(h.Context(), "media-x", nil, "crm"))
		h.renew(h.renewing(), "x", "new")
		same(h, "told", h.changes(), []string{"media.renewed erp new for media-x"})
		if got := h.current(other); got != "new" {
			h.Errorf("current is %q", got)
		}
		must(h, h.Forget(h.Context(), "new", nil, ""))
		h.unkept()
		h.clean()
	}},
	{"it can be renewed at once, ahead of the bulk", func(h *harness) {
		h.register()
		h.keeping("x")
		h.submit(1)
		renew := func(media string, accounts []string, producer string) error {
			_, err := h.RenewMedia(h.Context(), media, accounts, producer)
			return err
		}
		wantCode(h, renew("other", nil, ""), tasks.NotFound)
		wantCode(h, renew("media-x", []string{"other"}, ""), tasks.NotFound)
		must(h, renew("media-x", []string{account.Name}, "crm"))
		must(h, renew("media-x", nil, ""))
		ds := h.fill(tasks.Window{Interactive: 5})
		if len(ds) != 1 {
			h.Fatalf("%d interactive uploads, want the renewal", len(ds))
		}
		h.renew(h.claimed(ds[0]), "x", "new")
		same(h, "told", h.changes(), []string{"media.renewed crm new for media-x"})
		h.clean()
	}},
	{"an upload that is retried and fails is not kept any more", func(h *harness) {
		h.register()
		id := h.keeping("x")
		must(h, h.Retry(h.Context(), id, true))
		must(h, h.Finish(h.Context(), h.pick(id).Token, failure(tasks.Missing)))
		h.unkept()
		must(h, h.Retry(h.Context(), id, false))
		must(h, h.Finish(h.Context(), h.pick(id).Token, h.success("y")))
		if n := h.number("SELECT count(*) FROM keepers"); n != 1 {
			h.Errorf("%d keepers after the retry has succeeded", n)
		}
		h.clean()
	}},
	{"an upload whose content became another one keeps that", func(h *harness) {
		h.register()
		id := h.keeping("x")
		must(h, h.Retry(h.Context(), id, true))
		must(h, h.Finish(h.Context(), h.pick(id).Token, h.success("y")))
		if n := h.number("SELECT count(*) FROM kept"); n != 1 || h.current(id) != "media-y" {
			h.Errorf("%d media are kept, current is %s", n, h.current(id))
		}
		h.clean()
	}},
	{"kept contents are capped for a producer", func(h *harness) {
		h.register()
		ask := func(producer, content string) *tasks.Error {
			h.Helper()
			u := h.upload(h.fresh(100*hours), func(u *tasks.Upload) { u.Producer = producer })
			got := value(h, h.Submit)(h.Context(), tasks.Submission{Producer: producer, MaxKept: 2, Rows: []tasks.SubmittedRow{{Upload: u}}}).Receipts[0]
			if got.Err == nil && content != "" {
				must(h, h.Finish(h.Context(), h.pick(got.ID).Token, h.success(content)))
			}
			return got.Err
		}
		for _, content := range []string{"x", "x", "x"} {
			if err := ask("crm", content); err != nil {
				h.Errorf("%s is refused: %v", content, err)
			}
		}
		if err := ask("crm", ""); err != nil { // it is open, and may have another content
			h.Errorf("the second is refused: %v", err)
		}
		if err := ask("crm", ""); err == nil || err.Code != tasks.Invalid {
			h.Errorf("the third gets %v", err)
		}
		if err := ask("erp", ""); err != nil {
			h.Errorf("another producer's is refused: %v", err)
		}
		u := h.upload()
		for i, want := range []tasks.Code{"", tasks.Invalid} { // a repeated request that begins to ask
			got := value(h, h.Submit)(h.Context(), tasks.Submission{Producer: "crm", MaxKept: 2, Rows: []tasks.SubmittedRow{{Upload: u}}}).Receipts[0]
			if code := tasks.CodeOf(errorOf(got.Err)); code != want {
				h.Errorf("request %d gets %v", i+1, got.Err)
			}
			h.fresh(100 * hours)(&u)
		}
	}},
	{"an account promises no more than its daily limit allows", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 1 }) // two contents
		batch := h.batch(tasks.Batch{})
		var rows []tasks.SubmittedRow
		for i := range 4 {
			u := h.upload(h.fresh(100*hours), in(batch.ID))
			if i == 3 {
				u.Account = "other"
			}
			rows = append(rows, tasks.SubmittedRow{Upload: u, Line: i + 1})
		}
		s := tasks.Submission{Producer: "crm", Batch: batch.ID, Rows: rows}
		for range 2 { // a repeated request is not refused
			var refused []bool
			for _, r := range value(h, h.Submit)(h.Context(), s).Receipts {
				refused = append(refused, r.Err != nil)
			}
			same(h, "refused", refused, []bool{false, false, true, false})
		}
		u := h.upload(h.fresh(-hours))
		wantCode(h, value(h, h.Accept)(h.Context(), []tasks.Upload{u})[0].Err, tasks.Invalid)
	}},
	{"a file of an inbox is needed while its media is kept alive", func(h *harness) {
		h.register()
		const source = "inbox:1/crm/x.jpg"
		h.keeping("x", h.fresh(100*hours), func(u *tasks.Upload) { u.Source = source })
		h.pass(almost)
		h.renew(h.renewing(), "x", "new")
		use := value(h, h.InboxUse)(h.Context(), source)
		if use.Kept != 1 || use.Uploads != 1 || use.Open != 0 {
			h.Errorf("the use is %+v", use)
		}
		h.pass(40 * hours)
		if use := value(h, h.InboxUse)(h.Context(), source); use.Kept != 0 {
			h.Errorf("after the date the use is %+v", use)
		}
	}},
	{"what is pruned takes its renewals along, and no count has them", func(h *harness) {
		h.register()
		h.keeping("x", h.fresh(80*hours))
		h.pass(almost)
		h.renew(h.renewing(), "x", "new")
		h.pass(2 * month)
		h.tick()
		h.renewals()
		h.pruned(1000)
		if n := h.number("SELECT count(*) FROM uploads"); n != 0 {
			h.Errorf("%d uploads are left", n)
		}
		h.unkept()
		h.clean()
	}},
}

// errorOf is e as an error: nil stays nil.
func errorOf(e *tasks.Error) error {
	if e == nil {
		return nil
	}
	return e
}

// unkept fails where something is kept alive.
func (h *harness) unkept() {
	h.Helper()
	if n := h.number("SELECT (SELECT count(*) FROM kept) + (SELECT count(*) FROM keepers)"); n != 0 {
		h.Errorf("%d rows of kept media are left", n)
	}
}

func TestRenewalsAreSpread(t *testing.T) {
	t.Parallel()
	h := &harness{T: t}
	h.clock = &clock{at: time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)}
	m := h.media("m")
	var early, late int
	for i := range 1000 {
		lead := time.Duration(m.ExpiresAt.UnixMicro()-renewAt(key(fmt.Sprint(i)), m)) * time.Microsecond
		if lead < tasks.RenewBefore || lead > tasks.RenewBefore+tasks.RenewSpread {
			t.Fatalf("content %d is renewed %s before the end", i, lead)
		}
		if lead > tasks.RenewBefore+tasks.RenewSpread/2 {
			early++
		} else {
			late++
		}
	}
	if early < 400 || late < 400 {
		t.Errorf("%d are renewed early and %d late", early, late)
	}
	short := tasks.Media{ID: "s", IssuedAt: m.IssuedAt, ExpiresAt: m.IssuedAt.Add(4 * time.Hour)}
	if lead := short.ExpiresAt.Sub(time.UnixMicro(renewAt(key("s"), short))); lead < time.Hour || lead > 2*time.Hour {
		t.Errorf("a media of four hours is renewed %s before its end", lead)
	}
}
