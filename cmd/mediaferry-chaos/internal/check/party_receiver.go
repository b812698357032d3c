package check

import (
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

const (
	// breakerTime is how long a worker may leave a receiver alone after it failed.
	breakerTime = 70 * time.Second
	// deliveryRecovery is how soon the deliveries of a dead worker must be sent again.
	deliveryRecovery = 75 * time.Second
)

// receiverParties returns all receivers, with the deliveries until the attacks are over as work. A receiver has room
// unless it failed lately.
func (r *Records) receiverParties() []*party {
	var all []*party
	by, room := map[string]*party{}, map[string]ticks{}
	for _, name := range r.Run.Receivers() {
		limit := starveLimit
		if name == scenario.ReceiverSlow {
			limit += scenario.SlowAnswer
		}
		p := r.newParty("receiver "+name, limit)
		by[name], room[name], all = p, r.healthy(name), append(all, p)
	}
	accepted := map[uuid.UUID]time.Time{}
	for _, h := range r.Webhooks {
		if p := by[h.Receiver]; p != nil {
			r.count(p.got, h.At)
		}
		id, err := uuid.Parse(h.ID)
		if at, known := accepted[id]; err == nil && h.Answer/100 == 2 && (!known || h.At.Before(at)) {
			accepted[id] = h.At
		}
	}
	events := map[uuid.UUID]history.Event{}
	for _, e := range r.Events {
		events[e.ID] = e
	}
	losses := append(r.losses(), r.deliveryLosses()...)
	for _, d := range r.Deliveries {
		p, e := by[d.Receiver], events[d.Event]
		if p == nil || e.At.IsZero() {
			continue
		}
		open := span{r.right(e.At), r.start.Add(r.Run.Duration)}
		if at, known := accepted[e.ID]; known && at.Before(open.to) {
			open.to = at
		}
		r.countSpan(p.work, open, room[d.Receiver])
		for _, s := range open.without(holding(open.from, losses)) {
			r.countSpan(p.ready, s, room[d.Receiver])
		}
	}
	return all
}

// healthy counts 1 for each tick in which the receiver has not failed lately.
func (r *Records) healthy(name string) ticks {
	failed, healthy := r.newTicks(), r.newTicks()
	for _, h := range r.Webhooks {
		if h.Receiver == name && h.Answer/100 != 2 {
			r.countSpan(failed, span{h.At.Add(-tick), h.At.Add(breakerTime)}, nil)
		}
	}
	for i := range healthy {
		if failed[i] == 0 {
			healthy[i] = 1
		}
	}
	return healthy
}

// deliveryLosses lists the attacks on workers. Deliveries that came before are sent again within deliveryRecovery.
func (r *Records) deliveryLosses() []loss {
	var all []loss
	for _, s := range r.Injections {
		if strings.HasPrefix(s.Attack, "worker-") {
			all = append(all, loss{span{s.Started, s.Ended.Add(deliveryRecovery)}, s.Ended})
		}
	}
	return all
}
