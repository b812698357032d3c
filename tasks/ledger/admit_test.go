package ledger

import (
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

var admitContract = []testCase{
	{"a live media is reused", func(h *harness) {
		a, b := h.running(), h.running()
		h.admit(a, "x", tasks.Proceed)
		must(h, h.Finish(h.Context(), a.Token, h.success("x")))
		got := h.admit(b, "x", tasks.Reuse)
		if got.Media.ID != "media-x" || got.Media.ExpiresAt.IsZero() {
			h.Errorf("reuse of %+v", got.Media)
		}
		must(h, h.Finish(h.Context(), b.Token, tasks.Result{State: tasks.Succeeded, Key: key("x"), Media: got.Media, Reused: true, Size: 1}))
		if o := h.outcome(b.ID); !o.Reused || o.MediaID != "media-x" || o.Attempts != 0 {
			h.Errorf("outcome %+v", o)
		}
	}},
	{"a media is reused only where it is good", func(h *harness) {
		a := h.running()
		h.admit(a, "x", tasks.Proceed)
		must(h, h.Finish(h.Context(), a.Token, h.success("x")))
		b := h.running()
		for name, change := range map[string]func(*tasks.MediaKey){
			"realm": func(k *tasks.MediaKey) { k.Realm = "sandbox" },
			"appid": func(k *tasks.MediaKey) { k.AppID = "wx2" },
			"type":  func(k *tasks.MediaKey) { k.Type = tasks.Thumb },
			"hash":  func(k *tasks.MediaKey) { k.Hash = tasks.HashOf([]byte("y")) },
		} {
			k := key("x")
			change(&k)
			got, err := h.Admit(h.Context(), b.Token, k, tasks.AdmitOptions{})
			must(h, err)
			if got.Verdict != tasks.Proceed {
				h.Errorf("another %s: verdict %d", name, got.Verdict)
			}
		}
		c := h.running()
		h.admit(c, "x", tasks.Proceed, tasks.AdmitOptions{Fresh: 73 * time.Hour})
		d := h.running()
		h.admit(d, "x", tasks.Proceed, tasks.AdmitOptions{NoReuse: true})
		h.pass(72 * time.Hour)
		e := h.running()
		h.admit(e, "x", tasks.TwinAhead) // c still uploads it
	}},
	{"a twin waits for the one ahead, and goes on the moment that has ended", func(h *harness) {
		a, b := h.running(), h.running()
		h.admit(a, "x", tasks.Proceed)
		got := h.admit(b, "x", tasks.TwinAhead)
		o := h.outcome(b.ID)
		if o.State != tasks.Waiting || o.Code != tasks.Twin || !o.Until.Equal(got.Until) {
			h.Errorf("the twin is %s %s until %s, want waiting twin until %s", o.State, o.Code, o.Until, got.Until)
		}
		wantFenced(h, h.Finish(h.Context(), b.Token, failure(tasks.Rejected)))
		must(h, h.Finish(h.Context(), a.Token, h.success("x")))
		h.wantState(b.ID, tasks.Queued)
		h.admit(h.again(), "x", tasks.Reuse)
		if n := h.calls(); n != 1 {
			h.Errorf("%d calls were counted, want 1", n)
		}
	}},
	{"twins go on when the one ahead has not made it", func(h *harness) {
		for name, leave := range map[string]func(tasks.Claim){
			"fails":    func(c tasks.Claim) { must(h, h.Finish(h.Context(), c.Token, failure(tasks.Rejected))) },
			"waits":    func(c tasks.Claim) { must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Hour})) },
			"is back":  func(c tasks.Claim) { must(h, h.HandBack(h.Context(), c.Token, time.Hour, nil)) },
			"is ended": func(c tasks.Claim) { h.lose(); value(h, h.Cancel)(h.Context(), c.ID) },
		} {
			a, b := h.running(), h.running()
			h.admit(a, name, tasks.Proceed)
			h.admit(b, name, tasks.TwinAhead)
			leave(a)
			h.wantState(b.ID, tasks.Queued)
			b = h.again()
			h.admit(b, name, tasks.Proceed)
			must(h, h.Finish(h.Context(), b.Token, h.success(name)))
		}
	}},
	{"a twin that nobody wakes looks again after the lease of the one ahead", func(h *harness) {
		a, b := h.running(), h.running()
		h.admit(a, "x", tasks.Proceed)
		h.admit(b, "x", tasks.TwinAhead)
		h.pass(lease)
		if n := h.mature(); n != 0 {
			h.Errorf("%d matured within the lease", n)
		}
		h.pass(2 * time.Second)
		if n := h.mature(); n != 1 {
			h.Errorf("%d matured after the lease, want 1", n)
		}
	}},
	{"who wants no reuse does not wait for a twin either", func(h *harness) {
		a, b := h.running(), h.running()
		h.admit(a, "x", tasks.Proceed)
		h.admit(b, "x", tasks.Proceed, tasks.AdmitOptions{NoReuse: true})
		must(h, h.Finish(h.Context(), b.Token, h.success("x")))
		c := h.running()
		h.admit(c, "x", tasks.Reuse)
		must(h, h.Finish(h.Context(), a.Token, h.success("x")))
	}},
	{"of many twins at once one proceeds", func(h *harness) {
		cs := h.runningN(12)
		other := h.another()
		var proceed, behind atomic.Int32
		together(len(cs), func(i int) {
			l := h.Ledger
			if i%2 == 1 {
				l = other
			}
			a, err := l.Admit(h.Context(), cs[i].Token, key("x"), tasks.AdmitOptions{})
			if err != nil {
				h.Error(err)
				return
			}
			switch a.Verdict {
			case tasks.Proceed:
				proceed.Add(1)
			case tasks.TwinAhead:
				behind.Add(1)
			}
		})
		if proceed.Load() != 1 || behind.Load() != 11 || h.calls() != 1 {
			h.Errorf("%d proceed, %d are behind, %d calls; want 1, 11, 1", proceed.Load(), behind.Load(), h.calls())
		}
	}},
	{"the day's calls are counted, and the last one holds the account", func(h *harness) {
		cs := h.runningN(3)
		h.limit(func(a *tasks.Account) { a.DailyLimit = 2 })
		h.admit(cs[0], "a", tasks.Proceed)
		h.admit(cs[1], "b", tasks.Proceed)
		got := h.admit(cs[2], "c", tasks.DaySpent)
		if h.calls() != 2 {
			h.Errorf("%d calls were counted, want 2", h.calls())
		}
		out := h.outcome(cs[2].ID)
		if out.State != tasks.Waiting || out.Code != tasks.DailyLimit || !out.Until.Equal(got.Until) || out.Attempts != 0 {
			h.Errorf("the upload is %s %s until %s with %d attempts", out.State, out.Code, out.Until, out.Attempts)
		}
		if shanghai := got.Until.Add(8 * time.Hour); !shanghai.Equal(shanghai.Truncate(24 * time.Hour)) {
			h.Errorf("the hold ends at %s, which is no midnight in Shanghai", got.Until)
		}
		wantFenced(h, h.Wait(h.Context(), cs[2].Token, tasks.Pause{}))
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.HoldBegan})
		must(h, h.Finish(h.Context(), cs[0].Token, h.success("a")))
		must(h, h.Finish(h.Context(), cs[1].Token, h.success("b")))
		h.pass(24 * time.Hour)
		h.admit(h.again(), "c", tasks.Proceed)
	}},
	{"the days of two accounts end at different times", func(h *harness) {
		zone := func(name string) *time.Location {
			z, err := time.LoadLocation(name)
			must(h, err)
			return z
		}
		east, west := account, account
		east.DailyLimit, east.ResetZone = 1, zone("Etc/GMT-14") // 14 hours before UTC
		west.Name, west.AppID, west.DailyLimit, west.ResetZone = "west", "wx2", 1, zone("Etc/GMT+12")
		must(h, h.Join(h.Context(), tasks.Process{Name: "test", Role: tasks.RoleRun}, []tasks.Account{east, west}))
		for _, a := range []tasks.Account{east, west} {
			must(h, h.Spend(h.Context(), a))
			err := tasks.AsError(h.Spend(h.Context(), a))
			end := h.today().Add(err.RetryAfter)
			if off := end.Sub(tasks.DayEnd(h.today(), a.ResetZone)).Abs(); err.Code != tasks.DailyLimit || off > time.Minute {
				h.Errorf("%s: %s until %s, %s off its midnight", a.Name, err.Code, end, off)
			}
		}
		days := h.number("SELECT max(day) - min(day) FROM quota")
		if want := int(tasks.DayOf(h.today(), east.ResetZone) - tasks.DayOf(h.today(), west.ResetZone)); days != want {
			h.Errorf("their days are %d apart, want %d", days, want)
		}
		calls := func() (n []int) {
			as, err := h.Accounts(h.Context())
			must(h, err)
			for _, a := range as {
				n = append(n, a.CallsToday)
			}
			return n
		}
		same(h, "calls today", calls(), []int{1, 1})
		h.pass(7 * time.Hour) // it is 11:00 UTC: midnight was at 10:00 in the east, and will be at 12:00 in the west
		same(h, "calls today", calls(), []int{0, 1})
		must(h, h.Spend(h.Context(), east))
		if code := tasks.CodeOf(h.Spend(h.Context(), west)); code != tasks.DailyLimit {
			h.Errorf("west: %q", code)
		}
		must(h, h.Refund(h.Context(), east))
		same(h, "calls today", calls(), []int{0, 1})
		c := h.running()
		must(h, h.Spend(h.Context(), east))
		got := h.admit(c, "zone", tasks.DaySpent)
		same(h, "the hold's end", got.Until, time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))
	}},
	{"a reuse costs no call", func(h *harness) {
		must(h, h.KeepMedia(h.Context(), key("x"), h.media("m")))
		h.limit(func(a *tasks.Account) { a.DailyLimit = 1 })
		h.admit(h.running(), "x", tasks.Reuse)
		if h.calls() != 0 {
			h.Errorf("%d calls were counted", h.calls())
		}
	}},
	{"a limit of 500 is never passed by two processes at once", func(h *harness) {
		h.limit(func(a *tasks.Account) { a.DailyLimit = 500 })
		h.sql("INSERT INTO quota (realm, appid, day, calls) VALUES (?, ?, ?, 480)", account.Realm, account.AppID, schema.DayOf(db.Micros(h.today())))
		other := h.another()
		var granted, spent atomic.Int32
		together(40, func(i int) {
			l := h.Ledger
			if i%2 == 1 {
				l = other
			}
			switch err := l.Spend(h.Context(), account); tasks.CodeOf(err) {
			case "":
				granted.Add(1)
			case tasks.DailyLimit:
				if tasks.AsError(err).RetryAfter <= 0 {
					h.Error("it does not say when to try again")
				}
				spent.Add(1)
			default:
				h.Error(err)
			}
		})
		if granted.Load() != 20 || spent.Load() != 20 || h.calls() != 500 {
			h.Errorf("%d granted, %d refused, %d counted; want 20, 20, 500", granted.Load(), spent.Load(), h.calls())
		}
	}},
	{"without a limit calls are only counted", func(h *harness) {
		for range 3 {
			must(h, h.Spend(h.Context(), account))
		}
		if h.calls() != 3 {
			h.Errorf("%d calls were counted, want 3", h.calls())
		}
	}},
}

func (h *harness) admit(c tasks.Claim, content string, want tasks.Verdict, o ...tasks.AdmitOptions) tasks.Admission {
	h.Helper()
	got, err := h.Admit(h.Context(), c.Token, key(content), append(o, tasks.AdmitOptions{})[0])
	must(h, err)
	if got.Verdict != want {
		h.Fatalf("verdict %d, want %d", got.Verdict, want)
	}
	return got
}

// calls is how many calls of the tests' account were counted, on any day.
func (h *harness) calls() int {
	h.Helper()
	return h.number("SELECT COALESCE(sum(calls), 0) FROM quota WHERE appid = ?", account.AppID)
}

func (h *harness) mature() int {
	h.Helper()
	n, err := h.Mature(h.Context(), 100)
	must(h, err)
	return n
}
