package ledger

import (
	"encoding/json"
	"sync"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
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
		var ids []uuid.UUID
		for after := int64(0); ; {
			es, err := h.Events(h.Context(), after, 3)
			must(h, err)
			if len(es) == 0 {
				break
			}
			for _, e := range es {
				ids = append(ids, e.ID)
			}
			after = es[len(es)-1].Seq
		}
		if len(ids) != 7 {
			h.Errorf("%d events were read, want 7", len(ids))
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
		seen, after := 0, int64(0)
		for last := false; ; {
			es, err := h.Events(h.Context(), after, 10)
			must(h, err)
			for _, e := range es {
				seen++
				after = e.Seq
			}
			if len(es) > 0 {
				continue
			}
			if last {
				break
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
		if seen != n {
			h.Errorf("the reader saw %d events, want %d", seen, n)
		}
	}},
}
