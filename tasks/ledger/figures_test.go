package ledger

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

var figuresContract = []testCase{
	{"the figures tell where each open upload is, and why", func(h *harness) {
		h.register()
		h.hold(tasks.DailyLimit, time.Hour)
		h.submit(4, of(account.Name))
		c := h.running(of("zeta"), told)
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Hour}))
		done := h.running(of("zeta"), told)
		must(h, h.Finish(h.Context(), done.Token, failure(tasks.Rejected)))
		at := h.outcome(done.ID).Finished
		h.running(of("zeta"))
		h.submit(2, of("zeta"))
		h.dispatch()
		h.submit(3, of("zeta"))
		f, err := h.Figures(h.Context())
		must(h, err)
		slices.SortFunc(f.Groups, func(a, b tasks.OpenGroup) int {
			return strings.Compare(a.Account+string(a.Reason), b.Account+string(b.Reason))
		})
		same(h, "groups", f.Groups, []tasks.OpenGroup{
			{Account: account.Name, State: tasks.Waiting, Reason: tasks.OpenQuota, Uploads: 4},
			{Account: "zeta", State: tasks.Waiting, Reason: tasks.OpenBackoff, Uploads: 1},
			{Account: "zeta", State: tasks.Queued, Reason: tasks.OpenDispatched, Uploads: 2},
			{Account: "zeta", State: tasks.Queued, Reason: tasks.OpenReady, Uploads: 3},
			{Account: "zeta", State: tasks.Running, Reason: tasks.OpenRunning, Uploads: 1},
		})
		if f.OldestDelivery.Sub(at).Abs() > time.Millisecond || f.Deliveries != 1 {
			h.Errorf("the oldest of %d deliveries is of %v, its event of %v", f.Deliveries, f.OldestDelivery, at)
		}
		st, err := h.Status(h.Context())
		must(h, err)
		same(h, "status", f.Status, st)
	}},
	{"tallies count each round once, whoever has counted it, from a time until another", func(h *harness) {
		h.register()
		oldest, _, err := h.TalliesBegin(h.Context())
		must(h, err)
		if !oldest.IsZero() {
			h.Errorf("an empty ledger has counted since %v", oldest)
		}
		c := h.running()
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		again := h.running()
		must(h, h.Finish(h.Context(), again.Token, tasks.Result{State: tasks.Succeeded, Reused: true, Key: key("x"), Media: h.media("media-x")}))
		h.failed(2)
		h.foldAll()
		oldest, now, err := h.TalliesBegin(h.Context())
		must(h, err)
		want := map[tasks.Tally]int{
			{Account: account.Name, Type: tasks.Image, State: tasks.Queued}:                       4,
			{Account: account.Name, Type: tasks.Image, State: tasks.Succeeded}:                    1,
			{Account: account.Name, Type: tasks.Image, State: tasks.Succeeded, Reused: true}:      1,
			{Account: account.Name, Type: tasks.Image, State: tasks.Failed, Code: tasks.Rejected}: 2,
		}
		tally := func(since, until time.Time) map[tasks.Tally]int {
			all, err := h.Tally(h.Context(), since, until)
			must(h, err)
			n := map[tasks.Tally]int{}
			for _, y := range all {
				count := y.Count
				y.Count = 0
				n[y] += count
			}
			return n
		}
		same(h, "all", tally(oldest, now.Add(time.Minute)), want)
		same(h, "before", tally(oldest.Add(-time.Hour), oldest), map[tasks.Tally]int{})
	}},
	{"a claim tells how long its upload has waited, the first time", func(h *harness) {
		h.register()
		h.submit(1)
		h.pass(3 * time.Second)
		c := h.again()
		if c.Waited < 3*time.Second || c.Waited > time.Minute {
			h.Errorf("it has waited %v", c.Waited)
		}
		must(h, h.HandBack(h.Context(), c.Token, 0, nil))
		if c = h.again(); c.Waited != 0 {
			h.Errorf("dispatched again it says %v", c.Waited)
		}
	}},
	{"who observes is told of each call", func(h *harness) {
		var mu sync.Mutex
		calls := map[string]int{}
		l, err := Open(h.Context(), h.url, Options{Observe: func(use string, _ time.Duration, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				calls[use]++
			}
		}})
		must(h, err)
		defer l.Close()
		value(h, l.Accept)(h.Context(), []tasks.Upload{h.upload()})
		must(h, l.Ping(h.Context()))
		_, err = l.Figures(h.Context())
		must(h, err)
		mu.Lock()
		defer mu.Unlock()
		if calls["write"] == 0 || calls["read"] == 0 || calls["view"] == 0 {
			h.Errorf("calls %v", calls)
		}
	}},
}
