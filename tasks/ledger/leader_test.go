package ledger

import (
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

var leaderContract = []testCase{
	{"a clock that is set back keeps nothing waiting", func(h *harness) {
		const ttl = 3 * time.Second
		h.register()
		left := h.running()
		waits := h.running()
		must(h, h.Wait(h.Context(), waits.Token, tasks.Pause{For: time.Minute}))
		told := h.submit(1, func(u *tasks.Upload) { u.CallbackURL = "https://shop.example/hook" })[0]
		must(h, h.Finish(h.Context(), h.again().Token, failure(tasks.Rejected)))
		h.wantState(told, tasks.Failed)
		late := value(h, h.DispatchDeliveries)(h.Context(), 10)
		h.hold(tasks.AccountHeld, time.Minute)
		h.begin(retryAll(), "dead")
		for _, role := range []string{"dispatch", "prune"} {
			if led, err := h.Lead(h.Context(), role, "dead", ttl); err != nil || !led {
				h.Fatal(led, err)
			}
		}
		h.pass(-5 * time.Hour)
		_, err := h.Lead(h.Context(), "dispatch", "next", ttl)
		must(h, err)
		h.pass(2 * ttl)
		if led, err := h.Lead(h.Context(), "dispatch", "next", ttl); err != nil || !led {
			h.Fatalf("nobody can lead (%v) until the clock is where it was", err)
		}
		h.pass(24 * time.Second)
		if ds := h.dispatch(); len(ds) != 0 {
			h.Errorf("%d dispatched half a minute later, though their account is held for another one", len(ds))
		}
		h.pass(2*time.Minute - 30*time.Second)
		h.takeOver()
		h.mature()
		h.wantState(left.ID, tasks.Queued)
		h.wantState(waits.ID, tasks.Queued)
		if ds := h.dispatch(); len(ds) != 1 {
			h.Errorf("%d dispatched, want the one that probes the account", len(ds))
		}
		if again := value(h, h.DispatchDeliveries)(h.Context(), 10); len(again) != len(late) || len(late) != 1 {
			h.Errorf("%d deliveries are handed out again, want 1", len(again))
		}
		if open, err := h.OpenActions(h.Context(), "next", uuid.Nil, 10); err != nil || len(open) != 1 {
			h.Errorf("%d actions of the dead one can be gone on with (%v), want 1", len(open), err)
		}
		if led, err := h.Lead(h.Context(), "prune", "next", ttl); err != nil || !led {
			h.Errorf("nobody can lead in the other role (%v)", err)
		}
	}},
	{"processes that lead for different times do not look like a clock that was set back", func(h *harness) {
		waits := h.running()
		must(h, h.Wait(h.Context(), waits.Token, tasks.Pause{For: time.Minute}))
		runs := h.running()
		if led, err := h.Lead(h.Context(), "probe", "one", 20*time.Minute); err != nil || !led {
			h.Fatal(led, err)
		}
		for _, holder := range []string{"other", "one", "other"} {
			h.pass(time.Second)
			_, err := h.Lead(h.Context(), "probe", holder, 2*time.Minute)
			must(h, err)
		}
		if n := h.mature(); n != 0 {
			h.Errorf("%d matured too early", n)
		}
		h.takeOver()
		h.wantState(runs.ID, tasks.Running)
	}},
	{"a clock that goes on brings nothing forward", func(h *harness) {
		waits := h.running()
		must(h, h.Wait(h.Context(), waits.Token, tasks.Pause{For: time.Minute}))
		for _, holder := range []string{"one", "one", "two"} {
			_, err := h.Lead(h.Context(), "dispatch", holder, 3*time.Second)
			must(h, err)
		}
		h.pass(50 * time.Second)
		if n := h.mature(); n != 0 {
			h.Errorf("%d matured too early", n)
		}
	}},
}
