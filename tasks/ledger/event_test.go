package ledger

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

var eventContract = []testCase{
	{"an event carries the outcome as it is looked up", func(h *harness) {
		c := h.running()
		must(h, h.Finish(h.Context(), c.Token, h.success("x")))
		e := h.events()[0]
		want := h.outcome(c.ID)
		want.History = nil
		data, err := json.Marshal(want)
		must(h, err)
		same(h, "data", string(e.Data), string(data))
		if e.Type != tasks.UploadSucceeded || e.Producer != "crm" || !e.Time.Equal(want.Finished) || e.ID.Version() != 5 {
			h.Errorf("event %+v", e)
		}
	}},
	{"events are read in pages", func(h *harness) {
		for _, id := range h.submit(7) {
			value(h, h.Cancel)(h.Context(), id)
		}
		var ids, all []uuid.UUID
		for _, e := range h.events() {
			all = append(all, e.ID)
		}
		for page := (tasks.EventPage{More: true}); page.More; {
			var err error
			page, err = h.Events(h.Context(), tasks.EventFilter{After: page.Next, Limit: 3})
			must(h, err)
			for _, e := range page.Events {
				ids = append(ids, e.ID)
			}
		}
		same(h, "pages", ids, all)
		if len(ids) != 7 {
			h.Errorf("%d events were read, want 7", len(ids))
		}
	}},
	{"a producer's events are read without those of others", func(h *harness) {
		h.register()
		mine := h.submit(3)
		for i, id := range append(h.submit(4, func(u *tasks.Upload) { u.Producer = "rival" }), mine...) {
			value(h, h.Cancel)(h.Context(), id)
			if i == 2 {
				h.hold(tasks.AccountHeld, time.Hour) // nobody's own
			}
		}
		all := h.events()
		own, err := h.Events(h.Context(), tasks.EventFilter{Producers: []string{"crm"}})
		must(h, err)
		both, err := h.Events(h.Context(), tasks.EventFilter{Producers: []string{"crm", "rival"}})
		must(h, err)
		if len(all) != 8 || len(both.Events) != 7 || len(own.Events) != 3 || own.More || own.Next < all[7].Seq {
			h.Errorf("%d, %d and %d events, up to %d", len(all), len(both.Events), len(own.Events), own.Next)
		}
		for _, e := range own.Events {
			if e.Producer != "crm" {
				h.Errorf("an event of %q", e.Producer)
			}
		}
	}},
	{"a place is found by its time", func(h *harness) {
		for range 5 {
			value(h, h.Cancel)(h.Context(), h.submit(1)[0])
			h.pass(24 * time.Hour)
		}
		all := h.events()
		place, err := h.EventsSince(h.Context(), all[2].Time)
		must(h, err)
		page, err := h.Events(h.Context(), tasks.EventFilter{After: place})
		must(h, err)
		same(h, "since the third", page.Events, all[2:])
		for at, want := range map[time.Time]int{all[0].Time.Add(-time.Hour): 5, h.today().Add(2 * time.Hour): 0} {
			place, err := h.EventsSince(h.Context(), at)
			must(h, err)
			page, err := h.Events(h.Context(), tasks.EventFilter{After: place})
			must(h, err)
			if len(page.Events) != want {
				h.Errorf("%d events since %v, want %d", len(page.Events), at, want)
			}
		}
	}},
	{"a reader that follows sees every event, whoever commits it", func(h *harness) {
		const n = 60
		ids := h.submit(n)
		other := h.another()
		done := make(chan struct{})
		var writers sync.WaitGroup
		for i, id := range ids {
			writers.Go(func() {
				l := []*Ledger{h.Ledger, other}[i%2]
				if _, err := l.Cancel(h.Context(), id); err != nil {
					h.Error(err)
				}
			})
		}
		go func() { writers.Wait(); close(done) }()
		seen, place := map[uuid.UUID]bool{}, int64(0)
		taskstest.Until(h, "all were written and read", func() bool {
			for page := (tasks.EventPage{Next: place, More: true}); page.More; place = page.Next {
				var err error
				page, err = h.Events(h.Context(), tasks.EventFilter{After: page.Next, Limit: 10})
				must(h, err)
				for _, e := range page.Events {
					if seen[e.ID] {
						h.Errorf("event %d was seen twice", e.Seq)
					}
					seen[e.ID] = true
				}
			}
			select {
			case <-done:
			default:
				return false
			}
			newest, err := h.NewestEvent(h.Context())
			must(h, err)
			return place >= newest
		})
		if len(seen) != n {
			h.Errorf("the reader saw %d events, want %d", len(seen), n)
		}
	}},
}
