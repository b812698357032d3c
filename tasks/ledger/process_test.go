package ledger

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// The accounts of these tests: two of one realm, and one of another.
var (
	blueShop = tasks.Account{Name: "blue", Realm: "one.example", AppID: "wxblue", Fingerprint: "f"}
	redShop  = tasks.Account{Name: "red", Realm: "one.example", AppID: "wxred", Fingerprint: "f"}
	farShop  = tasks.Account{Name: "far", Realm: "two.example", AppID: "wxfar", Fingerprint: "f"}
)

// joins adds a worker to the fleet and returns it.
func (h *harness) joins(name string, accounts ...tasks.Account) tasks.Process {
	h.Helper()
	p := tasks.Process{Name: name, Role: tasks.RoleWorker, Host: "host", PID: 7, Version: "v1", Slots: 8}
	must(h, h.Join(h.Context(), p, accounts))
	return p
}

// says is a sign of life with what the process can't reach.
func (h *harness) says(p tasks.Process, change func(*tasks.Process)) {
	h.Helper()
	change(&p)
	must(h, h.Heartbeat(h.Context(), p))
}

func cutOff(realm string) func(*tasks.Process) {
	return func(p *tasks.Process) {
		p.Unreachable = []tasks.CutOffRealm{{Realm: realm, Reason: "connection refused"}}
	}
}

func refusedBy(a tasks.Account) func(*tasks.Process) {
	return func(p *tasks.Process) {
		p.Refused = []tasks.RefusedAccount{{Realm: a.Realm, AppID: a.AppID, Address: "203.0.113.9", Errcode: 40164, Reason: "not on the list", Hold: time.Minute}}
	}
}

func well(*tasks.Process) {}

// heldAccounts lists the names of the accounts that are held, by name.
func (h *harness) heldAccounts() []string {
	h.Helper()
	as, err := h.Accounts(h.Context())
	must(h, err)
	var names []string
	for _, a := range as {
		if a.Hold != nil && a.Hold.Ramp == 0 {
			names = append(names, a.Name)
		}
	}
	return names
}

func (h *harness) processes() []string {
	h.Helper()
	ps, err := h.Processes(h.Context())
	must(h, err)
	var names []string
	for _, p := range ps {
		names = append(names, p.Name)
	}
	return names
}

var processContract = []testCase{
	{"an account that no living worker knows is named while its uploads wait", func(h *harness) {
		h.submit(2, of("nope"))
		h.submit(1, of(blueShop.Name))
		unserved := func() []tasks.Unserved {
			h.Helper()
			st, err := h.Status(h.Context())
			must(h, err)
			return st.Unserved
		}
		same(h, "nobody works", len(unserved()), 0)
		h.joins("serve-less", redShop)
		same(h, "one works", unserved(), []tasks.Unserved{{Account: blueShop.Name, Open: 1}, {Account: "nope", Open: 2}})
		must(h, h.Join(h.Context(), tasks.Process{Name: "serve", Role: tasks.RoleServe}, []tasks.Account{blueShop}))
		same(h, "one that only serves", len(unserved()), 2)
		h.joins("w2", blueShop)
		same(h, "two work", unserved(), []tasks.Unserved{{Account: "nope", Open: 2}})
	}},
	{"a worker whose belt says that it is dead is no process any more", func(h *harness) {
		h.joins("dead", blueShop)
		h.joins("alive", redShop)
		_, err := h.Abandon(h.Context(), "dead")
		must(h, err)
		same(h, "processes", h.processes(), []string{"alive"})
	}},
	{"a process is known until it leaves, or gives no sign of life", func(h *harness) {
		a, b := h.joins("a", blueShop), h.joins("b")
		same(h, "processes", h.processes(), []string{"a", "b"})
		h.pass(tasks.ProcessLife - time.Second)
		h.says(a, func(p *tasks.Process) { p.InFlight, p.Egress = 3, "203.0.113.9" })
		h.pass(2 * time.Second)
		same(h, "processes", h.processes(), []string{"a"})
		h.says(a, func(p *tasks.Process) { p.InFlight, p.Egress = 3, "203.0.113.9" })
		wantCode(h, h.Heartbeat(h.Context(), b), tasks.NotFound)
		ps, err := h.Processes(h.Context())
		must(h, err)
		got := ps[0]
		if got.Host != "host" || got.PID != 7 || got.Version != "v1" || got.Slots != 8 || got.InFlight != 3 || got.Egress != "203.0.113.9" || len(got.Accounts) != 1 {
			h.Errorf("process %+v", got)
		}
		must(h, h.Leave(h.Context(), "a"))
		same(h, "processes", h.processes(), []string(nil))
	}},
	{"the strictest of what living processes were told about an account counts", func(h *harness) {
		told := func(daily, rate, concurrency int) tasks.Account {
			a := blueShop
			a.DailyLimit, a.RatePerMinute, a.Concurrency = daily, rate, concurrency
			return a
		}
		limits := func() [3]int {
			var l [3]int
			for i, column := range []string{"daily_limit", "rate_per_minute", "concurrency"} {
				l[i] = h.number("SELECT " + column + " FROM accounts WHERE name = 'blue'")
			}
			return l
		}
		h.joins("lax", told(0, 600, 0))
		h.joins("strict", told(500, 60, 4))
		same(h, "limits of both", limits(), [3]int{500, 60, 4})
		h.joins("other", redShop)
		same(h, "limits once a third came", limits(), [3]int{500, 60, 4})
		ps, err := h.Processes(h.Context())
		must(h, err)
		if ds := tasks.Disagreements(ps); len(ds) != 3 {
			h.Errorf("disagreements %v, want 3", ds)
		}
		must(h, h.Leave(h.Context(), "strict"))
		same(h, "limits once the strict one is gone", limits(), [3]int{0, 600, 0})
		h.joins("strict", told(500, 60, 4))
		h.pass(tasks.ProcessLife)
		h.joins("late", told(300, 0, 0))
		same(h, "limits once the others are dead", limits(), [3]int{300, 0, 0})
	}},
	{"a realm is held when no living worker that has accounts there can connect to it", func(h *harness) {
		a, b := h.joins("a", blueShop, redShop), h.joins("b", blueShop, redShop, farShop)
		h.joins("elsewhere", farShop)
		must(h, h.Join(h.Context(), tasks.Process{Name: "serve", Role: tasks.RoleServe}, nil))
		h.says(a, cutOff("one.example"))
		same(h, "held by one worker's word", h.heldAccounts(), []string(nil))
		h.says(b, cutOff("one.example"))
		same(h, "held", h.heldAccounts(), []string{"blue", "red"})
		id := h.submit(1, of("blue"))[0]
		far := h.submit(1, of("far"))[0]
		if o := h.outcome(id); o.State != tasks.Waiting || o.Code != tasks.Unreachable || o.Attempts != 0 {
			h.Errorf("its upload is %+v", o)
		}
		if ds := h.dispatch(); len(ds) != 1 || ds[0].ID != far {
			h.Errorf("dispatched %+v, want the one of the other realm", ds)
		}
	}},
	{"a dead worker has no say in what is held", func(h *harness) {
		a := h.joins("a", blueShop)
		h.joins("dead", blueShop)
		h.pass(tasks.ProcessLife - time.Second)
		h.says(a, cutOff("one.example"))
		same(h, "held while the other may live", h.heldAccounts(), []string(nil))
		h.pass(2 * time.Second)
		h.says(a, cutOff("one.example"))
		same(h, "held", h.heldAccounts(), []string{"blue"})
	}},
	{"a realm that is held comes back by one probe, and is held anew only by a try that failed since", func(h *harness) {
		a := h.joins("a", blueShop, redShop)
		h.says(a, cutOff("one.example"))
		h.submit(5, of("blue"))
		h.submit(5, of("red"))
		h.pass(unreachableHold)
		h.says(a, func(p *tasks.Process) {
			cutOff("one.example")(p)
			p.Unreachable[0].Ago = unreachableHold
		})
		ds := h.dispatch()
		if len(ds) != 1 {
			h.Fatalf("%d dispatched, want the probe", len(ds))
		}
		must(h, h.HandBack(h.Context(), h.claimed(ds[0]).Token, 0, nil))
		h.says(a, cutOff("one.example"))
		same(h, "held anew", h.heldAccounts(), []string{"blue", "red"})
		h.pass(unreachableHold)
		for range 6 { // one, two, four, …
			for _, d := range h.dispatch() {
				must(h, h.Finish(h.Context(), h.claimed(d).Token, h.success(d.ID.String())))
			}
		}
		if n := h.number("SELECT count(*) FROM uploads WHERE phase < 4"); n != 0 {
			h.Errorf("%d are left once the realm answers", n)
		}
	}},
	{"an account is held when it refuses the address of every worker that has it", func(h *harness) {
		a, b := h.joins("a", blueShop, redShop), h.joins("b", blueShop)
		h.says(a, refusedBy(blueShop))
		same(h, "held by one worker's refusal", h.heldAccounts(), []string(nil))
		h.says(b, refusedBy(blueShop))
		same(h, "held", h.heldAccounts(), []string{"blue"})
		if o := h.outcome(h.submit(1, of("blue"))[0]); o.Code != tasks.AccountHeld || o.Errcode != 40164 {
			h.Errorf("its upload is %+v", o)
		}
		h.says(b, well)
		h.joins("b2", func() tasks.Account { a := blueShop; a.Fingerprint = "mended"; return a }())
		same(h, "held after the credentials changed", h.heldAccounts(), []string(nil))
	}},
	{"processes tell where their inbox is, and which they can read", func(h *harness) {
		place, sights := &tasks.InboxPlace{ID: "here", URL: "http://10.0.0.7:8080"}, []tasks.InboxSight{{ID: "here"}, {ID: "there", Reason: "no route"}}
		serve := tasks.Process{Name: "serve", Role: tasks.RoleServe, Host: "host", Version: "v1", Inbox: place}
		must(h, h.Join(h.Context(), serve, nil))
		a := h.joins("a", blueShop)
		h.says(a, func(p *tasks.Process) { p.Inboxes = sights })
		ps, err := h.Processes(h.Context())
		must(h, err)
		same(h, "the inbox of serve", ps[1].Inbox, place)
		same(h, "what the worker sees", ps[0].Inboxes, sights)
		if ps[0].Inbox != nil || ps[1].Inboxes != nil {
			h.Errorf("%+v", ps)
		}
	}},
	{"of two holds of an account the tighter one counts", func(h *harness) {
		a := h.joins("a", blueShop)
		must(h, h.Hold(h.Context(), tasks.Hold{Realm: blueShop.Realm, AppID: blueShop.AppID, Code: tasks.AccountHeld, Reason: "r", Until: h.today().Add(time.Hour)}))
		h.says(a, cutOff("one.example"))
		id := h.submit(1, of("blue"))[0]
		if o := h.outcome(id); o.Code != tasks.AccountHeld {
			h.Errorf("it waits for %q, want the longer hold", o.Code)
		}
		h.pass(unreachableHold + time.Second)
		if ds := h.dispatch(); len(ds) != 0 {
			h.Errorf("%d dispatched while the account is held", len(ds))
		}
	}},
}
