package check

import (
	"encoding/json"
	"reflect"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/tasks"
)

// checkOutbox: each round that is over has one event, no other round has one, and the event of the last round agrees with
// the ledger.
func checkOutbox(r *Records) {
	for id, o := range r.outcomes {
		last := o.Round
		if !o.State.Final() {
			last-- // every earlier round is over
		}
		for round := 1; round <= last; round++ {
			switch n := len(r.events[roundKey{id, round}]); {
			case n == 0:
				r.add(Outbox, id, "%s ended its round %d, and no event tells of it", o.ExternalID, round)
			case n > 1:
				r.add(Conflicting, id, "%s has %d outcomes of round %d", o.ExternalID, n, round)
			}
		}
	}
	for k, es := range r.events {
		o := r.outcomes[k.id]
		switch {
		case o == nil:
			r.add(Unexpected, k.id, "event %d tells of an upload that is not in the ledger", es[0].Seq)
		case k.round > o.Round || k.round == o.Round && !o.State.Final():
			r.add(Outbox, k.id, "event %d tells of round %d of %s, which is %s in round %d", es[0].Seq, k.round, o.ExternalID, o.State, o.Round)
		case k.round == o.Round:
			r.agree(o, es[0])
		}
	}
}

// agree: the event of the last round agrees with the upload.
func (r *Records) agree(o *tasks.Outcome, e history.Event) {
	told, err := outcomeOf(e.Data)
	if err != nil {
		return // reported when the event was read
	}
	if e.Type != tasks.OutcomeEvent(o.State) || told.State != o.State || told.MediaID != o.MediaID || told.Code != o.Code {
		r.add(Conflicting, o.ID, "%s is %s %s %s, and its event says %s %s %s %s",
			o.ExternalID, o.State, o.Code, o.MediaID, e.Type, told.State, told.Code, told.MediaID)
	}
}

// checkWebhooks: every event that has a delivery arrived, with its own ID, a signature that verifies, and always the same
// content.
func checkWebhooks(r *Records) {
	events := map[string]history.Event{}
	for _, e := range r.Events {
		events[e.ID.String()] = e
	}
	delivered := map[uuid.UUID]int{}
	for _, d := range r.Deliveries {
		delivered[d.Event]++
		if d.State != tasks.Delivered {
			r.add(Webhook, uuid.Nil, "delivery %s of %s is %s at the end: %s", d.ID, d.Type, d.State, d.Last)
		}
	}
	for id, e := range events {
		expected := e.Type == tasks.BatchCompleted || outcomeEvent(e.Type)
		switch n := delivered[e.ID]; {
		case expected && n != 1:
			r.add(Webhook, uploadOf(e), "event %d (%s) has %d deliveries", e.Seq, e.Type, n)
		case n > 0:
			r.arrived(e, r.webhooks[id])
		}
	}
	for id, hs := range r.webhooks {
		if _, known := events[id]; !known {
			r.add(Unexpected, uuid.Nil, "webhook %q (%s) tells of no event", id, hs[0].Type)
		}
	}
}

func outcomeEvent(t tasks.EventType) bool {
	return t == tasks.UploadSucceeded || t == tasks.UploadFailed || t == tasks.UploadCanceled
}

// uploadOf returns the upload of an event, uuid.Nil for other events.
func uploadOf(e history.Event) uuid.UUID {
	if !outcomeEvent(e.Type) {
		return uuid.Nil
	}
	o, err := outcomeOf(e.Data)
	if err != nil {
		return uuid.Nil
	}
	return o.ID
}

// arrived checks the requests that delivered one event.
func (r *Records) arrived(e history.Event, hs []history.Webhook) {
	taken := false
	for _, h := range hs {
		if !h.Verified {
			r.add(Webhook, uploadOf(e), "webhook %s came at %s with a signature that does not verify, or to where a redirect led", h.ID, h.At.Format(TimeFormat))
			continue
		}
		if h.Stale && !r.skewed(h.At) {
			r.add(Webhook, uploadOf(e), "webhook %s came at %s with a timestamp that is wrong, and all clocks were right", h.ID, h.At.Format(TimeFormat))
		}
		taken = taken || h.Answer/100 == 2
		if h.Type != e.Type || !sameJSON(h.Data, e.Data) {
			r.add(Conflicting, uploadOf(e), "webhook %s said %s %s, and the ledger says %s %s", h.ID, h.Type, h.Data, e.Type, e.Data)
			return
		}
	}
	if !taken {
		r.add(Webhook, uploadOf(e), "event %d (%s) never arrived: %d requests", e.Seq, e.Type, len(hs))
	}
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
