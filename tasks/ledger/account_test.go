package ledger

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

// paced is an account with limits, beside the one of the tests.
func (h *harness) paced(name string, change func(*tasks.Account)) tasks.Account {
	h.Helper()
	a := tasks.Account{Name: name, Realm: account.Realm, AppID: "wx-" + name, Fingerprint: "f"}
	change(&a)
	must(h, h.Join(h.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{a}))
	return a
}

// ask admits a claim of another account's content.
func (h *harness) ask(c tasks.Claim, a tasks.Account, content string, want tasks.Verdict) tasks.Admission {
	h.Helper()
	k := key(content)
	k.AppID = a.AppID
	got, err := h.Admit(h.Context(), c.Token, k, tasks.AdmitOptions{Identity: "file of " + content})
	must(h, err)
	if got.Verdict != want {
		h.Fatalf("%s: verdict %d, want %d", content, got.Verdict, want)
	}
	return got
}

// accountsOf counts dispatched runs by account.
func accountsOf(ds []sent) map[string]int {
	n := map[string]int{}
	for _, d := range ds {
		n[d.Account]++
	}
	return n
}

var accountContract = []testCase{
	{"an account gets no more than its rate sends within a lease", func(h *harness) {
		slow := h.paced("slow", func(a *tasks.Account) { a.RatePerMinute = 6 })
		h.submit(300, of(slow.Name))
		h.submit(40, of("quick"))
		w := tasks.Window{Bulk: 2000, Lease: 10 * time.Second}
		ds := h.fill(w)
		same(h, "dispatched", accountsOf(ds), map[string]int{"slow": 2, "quick": 40}) // a call now, and one in 10 s
		if more := h.fill(w); len(more) != 0 {
			h.Errorf("%d more are dispatched", len(more))
		}
		var cs []tasks.Claim
		for _, d := range ds {
			if d.Account == slow.Name {
				cs = append(cs, h.claimed(d))
			}
		}
		if got := h.ask(cs[0], slow, "0", tasks.Proceed); got.Wait != 0 {
			h.Errorf("the first call waits %v", got.Wait)
		}
		h.ask(cs[1], slow, "1", tasks.MinuteSpent)
		if more := h.fill(w); len(more) != 0 {
			h.Errorf("%d are dispatched though all that a lease has room for is spoken for", len(more))
		}
		h.pass(11 * time.Second)
		h.mature()
		if ds := h.fill(w); len(ds) != 2 || ds[0].ID != cs[1].ID {
			h.Errorf("dispatched then: %+v, want the one whose time has come, and one more", ds)
		}
	}},
	{"a call that waits a second at most is let through with the wait", func(h *harness) {
		fast := h.paced("fast", func(a *tasks.Account) { a.RatePerMinute = 100 }) // a burst of 5, then one every 625 ms
		cs := h.runningN(7, of(fast.Name))
		var ops []*op
		for i, c := range cs {
			k := key(fmt.Sprint(i))
			k.AppID = fast.AppID
			ops = append(ops, &op{admit: &admit{token: c.Token, key: k, options: tasks.AdmitOptions{Identity: "file"}}})
		}
		must(h, h.do(h.Context(), "test", func(t *tx) error { return t.admitAll(ops) })) // at one moment of the database's clock
		for i, o := range ops {
			must(h, o.answer)
			want, wait := tasks.Proceed, o.admit.answer.Wait
			if i == 6 {
				want = tasks.MinuteSpent
			}
			if o.admit.answer.Verdict != want || (wait > 0) != (i == 5) || wait > tasks.MaxPace {
				h.Errorf("call %d: verdict %d, waits %v", i, o.admit.answer.Verdict, wait)
			}
		}
		at := ops[6].admit.answer.Until
		o := h.outcome(cs[6].ID)
		if o.State != tasks.Waiting || o.Code != tasks.MinuteLimit || o.Attempts != 0 || !o.Until.Before(at) {
			h.Errorf("the one behind it is %s %s until %s after %d attempts, its time is %s", o.State, o.Code, o.Until, o.Attempts, at)
		}
	}},
	{"a reuse waits for no rate, and what was read is known", func(h *harness) {
		slow := h.paced("slow", func(a *tasks.Account) { a.RatePerMinute = 1 })
		cs := h.runningN(2, of(slow.Name))
		h.ask(cs[0], slow, "x", tasks.Proceed)
		h.ask(cs[1], slow, "y", tasks.MinuteSpent)
		k := key("y")
		k.AppID = slow.AppID
		must(h, h.KeepMedia(h.Context(), k, h.media("m")))
		h.pass(time.Minute)
		h.mature()
		c := h.again()
		same(h, "what is known", c.Known, tasks.KnownContent{Hash: key("y").Hash, Identity: "file of y"})
		h.ask(c, slow, "y", tasks.Reuse)
	}},
	{"a reserved time is used once, and not long after", func(h *harness) {
		slow := h.paced("slow", func(a *tasks.Account) { a.RatePerMinute = 6 })
		cs := h.runningN(2, of(slow.Name))
		h.ask(cs[0], slow, "0", tasks.Proceed)
		h.ask(cs[1], slow, "1", tasks.MinuteSpent)
		must(h, h.Finish(h.Context(), cs[0].Token, failure(tasks.Rejected)))
		h.pass(9500 * time.Millisecond)
		h.mature()
		c := h.again()
		if got := h.ask(c, slow, "1", tasks.Proceed); got.Wait > tasks.MaxPace || got.Wait != 500*time.Millisecond {
			h.Errorf("it waits %v, want until its time", got.Wait)
		}
		if n := h.number("SELECT count(*) FROM uploads WHERE slot_at IS NOT NULL"); n != 0 {
			h.Error("its time could be used again")
		}
		h.pass(2 * lease) // its worker dies: the time is used up
		h.takeOver()
		h.ask(h.again(), slow, "1", tasks.Proceed)
	}},
	{"an account never has more under way than its concurrency, whoever dispatches", func(h *harness) {
		few := h.paced("few", func(a *tasks.Account) { a.Concurrency = 3 })
		h.submit(20, of(few.Name))
		h.submit(20, of(few.Name), urgent)
		ds := h.fill(wide)
		if len(ds) != 3 {
			h.Fatalf("%d are under way, want 3", len(ds))
		}
		c := h.claimed(ds[0])
		other := h.another()
		if more, err := other.Dispatch(h.Context(), wide); err != nil || len(more) != 0 {
			h.Errorf("another process dispatches %d more (%v)", len(more), err)
		}
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		if more := h.fill(wide); len(more) != 1 {
			h.Errorf("%d more after one has ended, want 1", len(more))
		}
	}},
	{"an account gets no more than the calls it has left today, and one that finds that out", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 5 })
		for range 3 {
			must(h, h.Spend(h.Context(), account))
		}
		h.submit(20)
		if ds := h.fill(wide); len(ds) != 2 {
			h.Errorf("%d are dispatched, want the 2 that are left today", len(ds))
		}
		_, err := h.UndispatchAll(h.Context())
		must(h, err)
		for range 2 {
			must(h, h.Spend(h.Context(), account))
		}
		ds := h.fill(wide)
		if len(ds) != 1 {
			h.Fatalf("%d are dispatched with no call left, want the one that holds the account", len(ds))
		}
		h.admit(h.claimed(ds[0]), "x", tasks.DaySpent)
		if ds := h.fill(wide); len(ds) != 0 {
			h.Errorf("%d of a held account are dispatched", len(ds))
		}
	}},
	{"of two accounts with one appid the stricter limits count for both", func(h *harness) {
		a := h.paced("a", func(a *tasks.Account) { a.Concurrency = 4 })
		b := a
		b.Name, b.Concurrency = "b", 2
		must(h, h.Join(h.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{b}))
		h.submit(10, of("a"))
		h.submit(10, of("b"))
		if ds := h.fill(wide); len(ds) != 2 {
			h.Errorf("%d are under way, want 2", len(ds))
		}
	}},
	{"a rate that WeChat told counts where it is the lower", func(h *harness) {
		a := h.paced("a", func(*tasks.Account) {})
		must(h, h.LearnQuota(h.Context(), a, tasks.LearntQuota{PerMinute: 6}))
		h.submit(10, of("a"))
		if ds := h.fill(wide); len(ds) != 2 {
			h.Errorf("%d are dispatched, want the 2 of a lease", len(ds))
		}
		must(h, h.LearnQuota(h.Context(), a, tasks.LearntQuota{}))
		if ds := h.fill(wide); len(ds) != 8 {
			h.Errorf("%d more without a rate, want 8", len(ds))
		}
	}},
	{"no more is under way than keeps the workers busy, and a newcomer is served at once", func(h *harness) {
		w := tasks.Window{Bulk: 2000, BulkSlots: 8}
		h.submit(300, of("slow"))
		ds := h.fill(w)
		if len(ds) != 12 {
			h.Fatalf("%d are under way for 8 slots, want 12", len(ds))
		}
		for _, d := range ds[:8] {
			h.claimed(d)
		}
		h.pass(2 * time.Second)
		if more := h.fill(w); len(more) != 0 {
			h.Errorf("%d more are dispatched though nothing ends", len(more))
		}
		h.submit(40, of("quick"))
		same(h, "dispatched", accountsOf(h.fill(w)), map[string]int{"quick": 6}) // its even share
		for range 40 {
			belt := h.belt()
			i := slices.IndexFunc(belt, func(d sent) bool { return d.Account == "quick" })
			if i < 0 {
				break
			}
			c := h.claimed(belt[i])
			must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected)))
			h.fill(w)
		}
		if n := h.number("SELECT count(*) FROM uploads WHERE account = 'quick' AND phase < 4"); n != 0 {
			h.Errorf("%d of the newcomer's are left while the others still run", n)
		}
	}},
	{"producers of one account take turns, and so do their batches", func(h *harness) {
		from := func(p string) func(*tasks.Upload) { return func(u *tasks.Upload) { u.Producer = p } }
		h.submit(50, from("greedy"))
		one, two := h.batch(tasks.Batch{Producer: "modest"}), h.batch(tasks.Batch{Producer: "modest"})
		h.submit(5, from("modest"), in(one.ID))
		h.submit(5, from("modest"), in(two.ID))
		h.fill(tasks.Window{Bulk: 8})
		same(h, "under way", h.underWay("producer"), map[string]int{"greedy": 4, "modest": 4})
		same(h, "under way", h.number("SELECT count(DISTINCT batch) FROM uploads WHERE phase = 1 AND producer = 'modest'"), 2)
	}},
	{"what lies on the belt is interleaved by account", func(h *harness) {
		for _, a := range []string{"a", "b", "c"} {
			h.submit(3, of(a))
		}
		var order []string
		for _, d := range h.fill(wide) {
			order = append(order, d.Account)
		}
		same(h, "order", order, []string{"a", "b", "c", "a", "b", "c", "a", "b", "c"})
	}},
	{"a claim that is repeated is the same claim", func(h *harness) {
		h.submit(3)
		var runs []tasks.RunRef
		for _, d := range h.dispatch() {
			runs = append(runs, tasks.RunRef{Upload: d.ID, Generation: d.Generation})
		}
		bids := tasks.NewBids(runs)
		first, err := h.Claim(h.Context(), bids, "w", lease)
		must(h, err)
		again, err := h.another().Claim(h.Context(), bids, "w", lease)
		must(h, err)
		same(h, "claims", again, first, cmpopts.IgnoreFields(tasks.Claim{}, "Waited"))
		if len(first) != 3 {
			h.Errorf("%d were claimed, want 3", len(first))
		}
		if others, err := h.Claim(h.Context(), tasks.NewBids(runs), "w2", lease); err != nil || len(others) != 0 {
			h.Errorf("another token claimed %d of them (%v)", len(others), err)
		}
		if ds := h.dispatch(); len(ds) != 0 {
			h.Errorf("%d came back", len(ds))
		}
	}},
	{"of a set of claims those that are refused fail none of the others", func(h *harness) {
		h.submit(3)
		ds := h.dispatch()
		value(h, h.Cancel)(h.Context(), ds[1].ID)
		runs := []tasks.RunRef{{Upload: ds[0].ID, Generation: 1}, {Upload: ds[1].ID, Generation: 1}, {Upload: ds[2].ID, Generation: 2}, {Upload: uuid.New(), Generation: 1}}
		claims, err := h.Claim(h.Context(), tasks.NewBids(runs), "w", lease)
		must(h, err)
		if len(claims) != 1 || claims[0].ID != ds[0].ID {
			h.Errorf("claimed %+v, want the first alone", claims)
		}
		h.clean()
	}},
	{"a rate is never passed by two processes at once", func(h *harness) {
		fast := h.paced("fast", func(a *tasks.Account) { a.RatePerMinute = 600 }) // a burst of 30, then one every 105 ms
		cs := h.runningN(60, of(fast.Name))
		other := h.another()
		var now, soon, later atomic.Int32
		together(len(cs), func(i int) {
			l := h.Ledger
			if i%2 == 1 {
				l = other
			}
			k := key(fmt.Sprint(i))
			k.AppID = fast.AppID
			switch a, err := l.Admit(h.Context(), cs[i].Token, k, tasks.AdmitOptions{}); {
			case err != nil:
				h.Error(err)
			case a.Verdict == tasks.MinuteSpent:
				later.Add(1)
			case a.Wait > 0:
				soon.Add(1)
			default:
				now.Add(1)
			}
		})
		if now.Load() != 30 || soon.Load() != 9 {
			h.Errorf("%d calls at once and %d within a second, want 30 and 9", now.Load(), soon.Load())
		}
		if n := h.number("SELECT count(DISTINCT slot_at) FROM uploads WHERE slot_at IS NOT NULL"); n != int(later.Load()) {
			h.Errorf("%d times for %d that wait", n, later.Load())
		}
	}},
}

func TestNoMinuteSeesMoreCallsThanTheRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{1, 2, 6, 7, 20, 100, 1000} {
		p := pace{}
		now := int64(1_000_000_000)
		var calls []int64
		for i := range 3*rate + 3 {
			if i == rate { // a burst after a pause is where a minute may see too many
				now += (90 * time.Second).Microseconds()
			}
			at := p.next(now, rate)
			now = max(now, at)
			calls = append(calls, at)
		}
		for i := range calls {
			if i+rate < len(calls) && calls[i+rate]-calls[i] < time.Minute.Microseconds() {
				t.Fatalf("rate %d: %d calls within %v", rate, rate+1, time.Duration(calls[i+rate]-calls[i])*time.Microsecond)
			}
		}
		took, most := calls[len(calls)-1]-calls[rate], int64(2*rate+3)*time.Minute.Microseconds()/int64(rate)*11/10
		if took > most { // the burst costs a twentieth
			t.Errorf("rate %d is not used: %d calls take %v", rate, 2*rate+3, time.Duration(took)*time.Microsecond)
		}
	}
}

func TestWhatIsAheadOfARate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		rate  int
		ahead time.Duration
		taken int
		want  int
	}{
		{6, 10 * time.Second, 0, 2}, {6, 10 * time.Second, 1, 1}, {6, 10 * time.Second, 2, 0},
		{1, 10 * time.Second, 0, 2}, {1, 10 * time.Second, 1, 1}, {1, 10 * time.Second, 2, 0}, // the next one, though it comes after the lease
		{600, 10 * time.Second, 0, 125}, {600, 10 * time.Second, 100, 25},
	} {
		var p pace
		for range tc.taken {
			p.next(1, tc.rate)
		}
		if got := p.within(1, tc.ahead, tc.rate); got != tc.want {
			t.Errorf("%d a minute, %d taken: %d within %v, want %d", tc.rate, tc.taken, got, tc.ahead, tc.want)
		}
	}
}
