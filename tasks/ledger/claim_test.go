package ledger

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
)

var claimContract = []testCase{
	{"a generation is claimed once", func(h *harness) {
		h.submit(1)
		d := h.dispatch()[0]
		other := h.another()
		var won, fenced atomic.Int32
		together(16, func(i int) {
			l := h.Ledger
			if i%2 == 1 {
				l = other
			}
			switch _, err := claimOne(l, d.ID, d.Generation, "w"); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, tasks.ErrFenced):
				fenced.Add(1)
			default:
				h.Error(err)
			}
		})
		if won.Load() != 1 || fenced.Load() != 15 {
			h.Errorf("%d claims won and %d were fenced, want 1 and 15", won.Load(), fenced.Load())
		}
	}},
	{"an old generation and an unknown upload can't be claimed", func(h *harness) {
		h.submit(1)
		d := h.dispatch()[0]
		_, err := h.undispatch([]sent{d})
		must(h, err)
		_, err = claimOne(h.Ledger, d.ID, d.Generation, "w")
		wantFenced(h, err)
		h.dispatch()
		_, err = claimOne(h.Ledger, d.ID, d.Generation, "w")
		wantFenced(h, err)
		_, err = claimOne(h.Ledger, uuid.New(), 1, "w")
		wantFenced(h, err)
	}},
	{"an expired lease only permits takeover", func(h *harness) {
		c := h.running()
		h.pass(time.Hour)
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		h.wantState(c.ID, tasks.Succeeded)
	}},
	{"a renewed lease is not taken over", func(h *harness) {
		c := h.running()
		h.pass(50 * time.Second)
		got, err := h.Renew(h.Context(), []tasks.Token{c.Token}, lease)
		must(h, err)
		same(h, "renewal", got, tasks.Renewal{})
		h.pass(50 * time.Second)
		if n := h.takeOver(); n != 0 {
			h.Errorf("%d uploads were taken over", n)
		}
		h.pass(11 * time.Second)
		if n := h.takeOver(); n != 1 {
			h.Errorf("%d uploads were taken over, want 1", n)
		}
		got, err = h.Renew(h.Context(), []tasks.Token{c.Token}, lease)
		must(h, err)
		same(h, "renewal", got, tasks.Renewal{Lost: []tasks.Token{c.Token}})
	}},
	{"takeover leaves a period of grace", func(h *harness) {
		h.running()
		h.pass(lease + 10*time.Second)
		n, err := h.TakeOver(h.Context(), 15*time.Second, 10)
		must(h, err)
		if n != 0 {
			h.Errorf("%d were taken over within the grace", n)
		}
	}},
	{"a slow worker's late finish stands until somebody else has claimed", func(h *harness) {
		for _, back := range []string{"ready", "dispatched"} {
			c := h.running()
			h.pass(2 * lease)
			h.takeOver()
			if back == "dispatched" {
				h.dispatch()
			}
			must(h, h.Finish(h.Context(), c.Token, h.success(back)))
			h.wantState(c.ID, tasks.Succeeded)
		}
		if ds := h.dispatch(); len(ds) != 0 {
			h.Errorf("%d uploads are dispatched after their outcome", len(ds))
		}
	}},
	{"a dispatched task finds the late finish", func(h *harness) {
		c := h.running()
		h.pass(2 * lease)
		h.takeOver()
		d := h.dispatch()[0]
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		_, err := claimOne(h.Ledger, d.ID, d.Generation, "w2")
		wantFenced(h, err)
	}},
	{"after a second claim the first one's tokens are worthless", func(h *harness) {
		c := h.running()
		h.pass(2 * lease)
		h.takeOver()
		second := h.again()
		wantFenced(h, h.Finish(h.Context(), c.Token, h.success("first")))
		wantFenced(h, h.Wait(h.Context(), c.Token, tasks.Pause{For: time.Second}))
		wantFenced(h, h.HandBack(h.Context(), c.Token, 0, nil))
		wantFenced(h, h.Alone(h.Context(), c.Token))
		_, err := h.Admit(h.Context(), c.Token, key("x"), tasks.AdmitOptions{})
		wantFenced(h, err)
		h.wantState(c.ID, tasks.Running)
		must(h, h.Finish(h.Context(), second.Token, h.success("second")))
		if o := h.outcome(c.ID); o.MediaID != "media-second" {
			h.Errorf("the outcome is %s, want the second claim's", o.MediaID)
		}
		if n := len(h.events()); n != 1 {
			h.Errorf("there are %d events, want 1", n)
		}
	}},
	{"a taken-over upload burns no attempt", func(h *harness) {
		c := h.running()
		h.pass(2 * lease)
		h.takeOver()
		h.wantState(c.ID, tasks.Queued)
		if c := h.again(); c.Attempts != 0 || c.Round != 1 {
			h.Errorf("claim has %d attempts in round %d, want 0 in 1", c.Attempts, c.Round)
		}
	}},
	{"an upload that lost two workers asks to be alone, and its third crash alone fails it", func(h *harness) {
		c := h.running()
		for lost := range 2 {
			if c.Alone() {
				h.Errorf("it asks to be alone after %d lost leases", lost)
			}
			h.lose()
			c = h.again()
		}
		for range 3 { // its worker died before it was alone: no crash of its own
			if !c.Alone() {
				h.Error("it does not ask to be alone after two lost leases")
			}
			h.lose()
			c = h.again()
		}
		for crash := 1; crash <= 3; crash++ {
			must(h, h.Alone(h.Context(), c.Token))
			h.lose()
			if crash < 3 {
				c = h.again()
			}
		}
		o := h.outcome(c.ID)
		if o.State != tasks.Failed || o.Code != tasks.Poison {
			h.Errorf("it ended %s %s, want failed poison", o.State, o.Code)
		}
		same(h, "events", h.eventTypes(), []tasks.EventType{tasks.UploadFailed})
		must(h, h.Retry(h.Context(), c.ID, false))
		if h.again().Alone() {
			h.Error("the next round still asks to be alone")
		}
	}},
	{"what a dead worker had is taken over at once, as lost, and only that", func(h *harness) {
		h.submit(4)
		ds := h.dispatch()
		dead := []tasks.Claim{h.claimed(ds[0]), h.claimed(ds[1]), h.claimed(ds[2])}
		alive, err := claimOne(h.Ledger, ds[3].ID, ds[3].Generation, "w2")
		must(h, err)
		_, err = h.Cancel(h.Context(), dead[1].ID)
		must(h, err)
		must(h, h.Finish(h.Context(), dead[2].Token, h.success("done")))
		for role, holder := range map[string]string{"dispatcher": "w1", "janitor": "w2"} {
			if led, err := h.Lead(h.Context(), role, holder, time.Hour); err != nil || !led {
				h.Fatal(led, err)
			}
		}
		own := h.begin(retryAll(), "w1")
		h.begin(retryAll(), "w2")
		n, err := h.Abandon(h.Context(), "w1")
		must(h, err)
		if n != 2 {
			h.Errorf("%d uploads were taken over, want 2", n)
		}
		h.wantState(dead[0].ID, tasks.Queued)
		h.wantState(dead[1].ID, tasks.Canceled)
		h.wantState(dead[2].ID, tasks.Succeeded)
		h.wantState(alive.ID, tasks.Running)
		if led, err := h.Lead(h.Context(), "dispatcher", "w3", time.Hour); err != nil || !led {
			h.Errorf("what the dead one led can't be led: %v", err)
		}
		if led, err := h.Lead(h.Context(), "janitor", "w3", time.Hour); err != nil || led {
			h.Errorf("what a living one leads was given away: %v", err)
		}
		open, err := h.OpenActions(h.Context(), "w3", uuid.Nil, 10)
		must(h, err)
		same(h, "actions to go on with", idsOf(open), []uuid.UUID{own.ID})
		must(h, h.Finish(h.Context(), alive.Token, h.success("alive")))
		if c := h.again(); c.ID != dead[0].ID || c.Attempts != 0 || c.Alone() {
			h.Errorf("the claim after it: %+v", c)
		}
		_, err = h.Abandon(h.Context(), "w1")
		must(h, err)
		if c := h.again(); !c.Alone() {
			h.Error("two deaths don't count: it does not ask to be alone")
		}
	}},
	{"neighbours of a crash are not blamed", func(h *harness) {
		c := h.running()
		for range 5 {
			h.lose()
			c = h.again()
		}
		h.wantState(c.ID, tasks.Running)
	}},
}

// takeOver takes over all that may be.
func (h *harness) takeOver() int {
	h.Helper()
	n, err := h.TakeOver(h.Context(), 0, 100)
	must(h, err)
	return n
}

// lose lets the worker of the only running upload die.
func (h *harness) lose() {
	h.Helper()
	h.pass(2 * lease)
	if n := h.takeOver(); n != 1 {
		h.Fatalf("%d uploads were taken over, want 1", n)
	}
}
