package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

var dispatchContract = []testCase{
	{"the window is filled and not passed", func(h *harness) {
		h.submit(10)
		w := tasks.Window{Bulk: 4}
		first := h.fill(w)
		if len(first) != 4 {
			h.Fatalf("%d dispatched, want 4", len(first))
		}
		if more := h.fill(w); len(more) != 0 {
			h.Errorf("%d more in a full window", len(more))
		}
		c := h.claimed(first[0])
		if more := h.fill(w); len(more) != 0 {
			h.Errorf("%d more though a claim takes the slot", len(more))
		}
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		if more := h.fill(w); len(more) != 1 {
			h.Errorf("%d more after one has ended, want 1", len(more))
		}
	}},
	{"the oldest of a batch go first, each with its next generation", func(h *harness) {
		ids := h.submit(3)
		ds := h.fill(tasks.Window{Bulk: 2})
		for i, d := range ds {
			if d.ID != ids[i] || d.Generation != 1 {
				h.Errorf("dispatch %d is %s.%d, want %s.1", i, d.ID, d.Generation, ids[i])
			}
		}
		n, err := h.undispatch(ds[:1])
		must(h, err)
		if again := h.fill(tasks.Window{Bulk: 2}); n != 1 || len(again) != 1 || again[0].ID != ids[0] || again[0].Generation != 2 {
			h.Errorf("%d came back, then %+v", n, again)
		}
	}},
	{"interactive uploads have a window of their own", func(h *harness) {
		h.submit(5)
		h.submit(2, urgent)
		ds := h.fill(tasks.Window{Bulk: 3, Interactive: 10})
		n := map[tasks.Priority]int{}
		for _, d := range ds {
			n[d.Priority]++
		}
		same(h, "dispatched", n, map[tasks.Priority]int{tasks.Bulk: 3, tasks.Interactive: 2})
		if ds[0].Priority != tasks.Interactive {
			h.Error("bulk went before interactive")
		}
	}},
	{"where no slot is free uploads travel in chunks, as long as every worker has room for", func(h *harness) {
		const slots = 32
		h.submit(200)
		w := tasks.Window{Bulk: slots + slots/2, BulkSlots: slots}
		ds := h.fill(w)
		if n := len(h.chunks()); len(ds) != w.Bulk || n != len(ds) {
			h.Fatalf("%d uploads in %d chunks for %d idle slots", len(ds), n, slots)
		}
		for _, d := range ds[:slots-2] {
			h.claimed(d)
		}
		for _, tc := range []struct {
			most int
			want []int
		}{{0, []int{9, 9}}, {4, []int{4, 4, 4, 4, 2}}, {1, slices.Repeat([]int{1}, 18)}} {
			_, err := h.Undispatch(h.Context(), h.chunks())
			must(h, err)
			w.ChunkMost = tc.most
			h.fill(w)
			var sizes []int
			for _, c := range h.chunks() {
				sizes = append(sizes, len(c.Runs))
			}
			same(h, fmt.Sprintf("chunks of at most %d", tc.most), sizes, tc.want)
		}
	}},
	{"interactive uploads, and those that a worker died with, travel alone", func(h *harness) {
		h.runningN(6)
		h.pass(2 * lease)
		h.takeOver()
		h.submit(6, urgent)
		h.submit(6)
		h.fill(tasks.Window{Bulk: 100, Interactive: 100, BulkSlots: 1, InteractiveSlots: 1})
		for _, c := range h.chunks() {
			if len(c.Runs) != 1 && (c.Priority == tasks.Interactive || c.Deaths > 0) {
				h.Errorf("%d travel together: %+v", len(c.Runs), c)
			}
		}
	}},
	{"slots go to the accounts with the fewest under way", func(h *harness) {
		h.submit(20, of("big"))
		w := tasks.Window{Bulk: 12}
		h.fill(tasks.Window{Bulk: 8})
		h.submit(20, of("late"))
		h.submit(1, of("tiny"))
		h.fill(w)
		same(h, "under way", h.underWay("account"), map[string]int{"big": 8, "late": 3, "tiny": 1})
		h.fill(tasks.Window{Bulk: 29})
		same(h, "under way", h.underWay("account"), map[string]int{"big": 14, "late": 14, "tiny": 1})
	}},
	{"more accounts than one dispatch looks at are all served", func(h *harness) {
		h.maxAccounts = 4
		for i := range 6 {
			h.submit(2, of(fmt.Sprint("a", i)))
		}
		h.fill(tasks.Window{Bulk: 4})
		h.fill(tasks.Window{Bulk: 6})
		same(h, "under way", h.underWay("account"), map[string]int{"a0": 1, "a1": 1, "a2": 1, "a3": 1, "a4": 1, "a5": 1})
	}},
	{"an account's batches take turns", func(h *harness) {
		var bs [3]tasks.Batch
		for i := range bs {
			bs[i] = h.batch(tasks.Batch{})
			h.submit(10, in(bs[i].ID))
		}
		for want := 1; want <= 3; want++ {
			for range 3 {
				w := tasks.Window{Bulk: len(h.belt()) + 1}
				if n := len(h.fill(w)); n != 1 {
					h.Fatalf("%d dispatched, want 1", n)
				}
			}
			for b, n := range h.underWay("CAST(batch AS text)") {
				if n != want {
					h.Errorf("batch %s has %d under way, want %d", b, n, want)
				}
			}
		}
	}},
	{"what dead workers left behind goes first, and says so", func(h *harness) {
		var died []uuid.UUID
		for _, c := range h.runningN(2, of("big"), in(h.batch(tasks.Batch{}).ID)) {
			died = append(died, c.ID)
		}
		h.submit(20, of("big"))
		h.fill(tasks.Window{Bulk: 10})
		h.submit(5, of("idle"))
		h.pass(2 * lease)
		h.takeOver()
		ds := h.fill(tasks.Window{Bulk: 11})
		var ids []uuid.UUID
		var deaths []int
		for _, d := range ds {
			ids, deaths = append(ids, d.ID), append(deaths, d.Deaths)
		}
		same(h, "deaths", deaths, []int{1, 1, 0})
		same(h, "dispatched first", ids[:2], died)
		for _, d := range h.belt() {
			if died := slices.Contains(died, d.ID); (d.Deaths == 1) != died {
				h.Errorf("%s on the belt: %d deaths", d.ID, d.Deaths)
			}
		}
	}},
	{"what dead workers left behind keeps to a hold and its ramp", func(h *harness) {
		h.register()
		h.runningN(3)
		h.pass(2 * lease)
		h.takeOver()
		h.hold(tasks.AccountHeld, time.Minute)
		if ds := h.dispatch(); len(ds) != 0 {
			h.Errorf("%d dispatched of a held account", len(ds))
		}
		h.pass(2 * time.Minute)
		if ds := h.dispatch(); len(ds) != 1 {
			h.Errorf("%d dispatched behind a hold, want the one that probes", len(ds))
		}
	}},
	{"more batches than slots are all served in the end", func(h *harness) {
		for range 7 {
			h.submit(2, in(h.batch(tasks.Batch{}).ID))
		}
		h.submit(2)
		for n := 1; n <= 16; n += 3 {
			h.fill(tasks.Window{Bulk: min(n+2, 16)})
		}
		if n := len(h.belt()); n != 16 {
			h.Errorf("%d are on the belt, want 16", n)
		}
	}},
	{"two dispatchers at once dispatch nothing twice", func(h *harness) {
		h.submit(60)
		other := h.another()
		got := make([][]sent, 6)
		together(6, func(i int) {
			l := h.Ledger
			if i%2 == 1 {
				l = other
			}
			ds, err := l.Dispatch(h.Context(), wide)
			if err != nil {
				h.Error(err)
			}
			got[i] = sentOf(ds)
		})
		seen := map[uuid.UUID]bool{}
		for _, ds := range got {
			for _, d := range ds {
				if seen[d.ID] || d.Generation != 1 {
					h.Errorf("%s.%d was dispatched again", d.ID, d.Generation)
				}
				seen[d.ID] = true
			}
		}
		if len(h.dispatch())+len(seen) != 60 {
			h.Errorf("%d were dispatched, want 60", len(seen))
		}
	}},
	{"undispatch names a generation, and leaves a claimed one alone", func(h *harness) {
		h.submit(3)
		ds := h.dispatch()
		h.claimed(ds[0])
		stale := ds[1]
		stale.Generation--
		n, err := h.undispatch([]sent{ds[0], stale, ds[2]})
		must(h, err)
		if n != 1 {
			h.Errorf("%d came back, want 1", n)
		}
		h.wantState(ds[0].ID, tasks.Running)
	}},
	{"a lost belt gives back all that nobody has claimed", func(h *harness) {
		h.submit(3, func(u *tasks.Upload) { u.CallbackURL = "https://crm.example/hook" })
		ds := h.dispatch()
		c := h.claimed(ds[0])
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		if len(value(h, h.DispatchDeliveries)(h.Context(), 10)) != 1 {
			h.Error("the delivery was not dispatched")
		}
		h.claimed(ds[1])
		if n, err := h.UndispatchAll(h.Context()); err != nil || n != 1 {
			h.Errorf("%d came back (%v), want 1", n, err)
		}
		if len(value(h, h.DispatchDeliveries)(h.Context(), 10)) != 1 {
			h.Error("the delivery is not due again")
		}
		if again := h.dispatch(); len(again) != 1 || again[0].ID != ds[2].ID || again[0].Generation != 2 {
			h.Errorf("dispatched again: %+v", again)
		}
	}},
	{"what lies on the belt is listed, the oldest first", func(h *harness) {
		h.submit(2)
		old := h.dispatch()
		h.pass(10 * time.Second)
		h.submit(1)
		h.dispatch()
		h.pass(time.Millisecond)
		chunks, err := h.OnBelt(h.Context(), 5*time.Second, 10)
		must(h, err)
		got := sentOf(chunks)
		for i := range got {
			if got[i].ID != old[i].ID || got[i].Generation != old[i].Generation {
				h.Errorf("on the belt is %+v, want %+v", got[i], old[i])
			}
		}
		if len(got) != 2 || !got[0].At.Before(got[1].At) {
			h.Errorf("listed %+v, want two with times of their own", got)
		}
		if all := h.belt(); len(all) != 3 || all[0].ID != old[0].ID {
			h.Errorf("%d are on the belt, want 3", len(all))
		}
		h.claimed(old[0])
		if all := h.belt(); len(all) != 2 {
			h.Errorf("%d are on the belt after a claim, want 2", len(all))
		}
	}},
	{"the belt's epoch is remembered", func(h *harness) {
		for _, want := range []string{"", "e1", "e2"} {
			if want != "" {
				must(h, h.SetBeltEpoch(h.Context(), want))
			}
			if got, err := h.another().BeltEpoch(h.Context()); err != nil || got != want {
				h.Errorf("epoch %q (%v), want %q", got, err, want)
			}
		}
	}},
	{"one process leads until it resigns or is late", func(h *harness) {
		other := h.another()
		lead := func(l *Ledger, who string, want bool) {
			h.Helper()
			got, err := l.Lead(h.Context(), "dispatcher", who, 10*time.Second)
			must(h, err)
			if got != want {
				h.Errorf("%s leads: %v, want %v", who, got, want)
			}
		}
		lead(h.Ledger, "a", true)
		lead(other, "b", false)
		h.pass(8 * time.Second)
		lead(h.Ledger, "a", true)
		h.pass(8 * time.Second)
		lead(other, "b", false)
		must(h, other.Resign(h.Context(), "dispatcher", "b"))
		lead(other, "b", false)
		must(h, h.Resign(h.Context(), "dispatcher", "a"))
		lead(other, "b", true)
		h.pass(11 * time.Second)
		lead(h.Ledger, "a", true)
		if ok, err := other.Lead(h.Context(), "janitor", "b", time.Second); err != nil || !ok {
			h.Errorf("another role: %v, %v", ok, err)
		}
	}},
	{"waiting uploads are ready when their time has come", func(h *harness) {
		c := h.running()
		must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Minute, Cause: &tasks.Error{Code: tasks.Temporary}}))
		h.pass(59 * time.Second)
		if n := h.mature(); n != 0 || len(h.dispatch()) != 0 {
			h.Errorf("%d matured too early", n)
		}
		h.pass(time.Second)
		if n := h.mature(); n != 1 {
			h.Errorf("%d matured, want 1", n)
		}
		if o := h.outcome(c.ID); o.State != tasks.Queued || o.Code != "" || o.Reason != "" {
			h.Errorf("it is %s with code %q", o.State, o.Code)
		}
		h.again()
	}},
	{"maturing is bounded", func(h *harness) {
		for _, c := range h.runningN(5) {
			must(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Second}))
		}
		h.pass(time.Minute)
		for _, want := range []int{2, 2, 1, 0} {
			if n, err := h.Mature(h.Context(), 2); err != nil || n != want {
				h.Errorf("%d matured (%v), want %d", n, err, want)
			}
		}
	}},
	{"a deadline fails what is queued or waits, and lets the running one finish", func(h *harness) {
		by := func(u *tasks.Upload) { u.ExpiresBy = h.today().Add(time.Minute) }
		cs := h.runningN(2, by)
		must(h, h.Wait(h.Context(), cs[1].Token, tasks.Pause{For: time.Hour}))
		queued := h.submit(1, by)[0]
		onBelt := h.submit(1, by)[0]
		later := h.submit(1)[0]
		h.pass(61 * time.Second)
		if n := h.mature(); n != 3 {
			h.Errorf("%d were failed, want 3", n)
		}
		for _, id := range []uuid.UUID{cs[1].ID, queued, onBelt} {
			if o := h.outcome(id); o.State != tasks.Failed || o.Code != tasks.Deadline {
				h.Errorf("past the deadline: %s %s", o.State, o.Code)
			}
		}
		must(h, h.Finish(h.Context(), cs[0].Token, h.success("x")))
		h.wantState(cs[0].ID, tasks.Succeeded)
		h.wantState(later, tasks.Queued)
		if n := h.mature(); n != 0 || len(h.events()) != 4 {
			h.Errorf("%d more were failed, %d events; want 0, 4", n, len(h.events()))
		}
		must(h, h.Retry(h.Context(), queued, false))
		if n := h.mature(); n != 0 {
			h.Error("a retried upload still has its old deadline")
		}
	}},
}

// belt lists all that is dispatched and not claimed.
func (h *harness) belt() []sent {
	h.Helper()
	return sentOf(h.chunks())
}

// chunks are those that are not claimed.
func (h *harness) chunks() []tasks.Chunk {
	h.Helper()
	chunks, err := h.OnBelt(h.Context(), -time.Second, 1000)
	must(h, err)
	return chunks
}

func (h *harness) underWay(by string) map[string]int {
	h.Helper()
	got := map[string]int{}
	must(h, h.engine.Snapshot(h.Context(), "test", func(t *db.Tx) error {
		return t.Each(fmt.Sprintf("SELECT %s, count(*) FROM uploads WHERE phase IN (1, 2) GROUP BY 1", by), nil, func(s db.Scanner) error {
			var k string
			var n int
			err := s.Scan(&k, &n)
			got[k] = n
			return err
		})
	}))
	return got
}
