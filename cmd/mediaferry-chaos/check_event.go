package main

import (
	"encoding/json"
	"reflect"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// checkOutbox: each round that is over has one event, each event tells of a round that is over, and what it tells of
// the last round is what the ledger says.
func checkOutbox(r *records) {
	for id, o := range r.outcomes {
		last := o.Round
		if !o.State.Final() {
			last-- // every earlier round is over
		}
		for round := 1; round <= last; round++ {
			switch n := len(r.told[roundOf{id, round}]); {
			case n == 0:
				r.report(foundOutbox, id, "%s ended its round %d, and no event tells of it", o.ExternalID, round)
			case n > 1:
				r.report(foundConflicting, id, "%s has %d outcomes of round %d", o.ExternalID, n, round)
			}
		}
	}
	for k, es := range r.told {
		o := r.outcomes[k.id]
		switch {
		case o == nil:
			r.report(foundUnexpected, k.id, "event %d tells of an upload that is not in the ledger", es[0].Seq)
		case k.round > o.Round || k.round == o.Round && !o.State.Final():
			r.report(foundOutbox, k.id, "event %d tells of round %d of %s, which is %s in round %d", es[0].Seq, k.round, o.ExternalID, o.State, o.Round)
		case k.round == o.Round:
			r.agree(o, es[0])
		}
	}
}

// agree: the event of the last round and the upload say the same.
func (r *records) agree(o *tasks.Outcome, e event) {
	told, err := outcomeOf(e.Data)
	if err != nil {
		return // reported when the event was read
	}
	if e.Type != tasks.OutcomeEvent(o.State) || told.State != o.State || told.MediaID != o.MediaID || told.Code != o.Code {
		r.report(foundConflicting, o.ID, "%s is %s %s %s, and its event says %s %s %s %s",
			o.ExternalID, o.State, o.Code, o.MediaID, e.Type, told.State, told.Code, told.MediaID)
	}
}

// checkWebhooks: every event that has a delivery arrived, under its own id, verified, and always saying the same.
func checkWebhooks(r *records) {
	events := map[string]event{}
	for _, e := range r.Events {
		events[e.ID.String()] = e
	}
	delivered := map[uuid.UUID]int{}
	for _, d := range r.Deliveries {
		delivered[d.Event]++
		if d.State != tasks.Delivered {
			r.report(foundWebhook, uuid.Nil, "delivery %s of %s is %s at the end: %s", d.ID, d.Type, d.State, d.Last)
		}
	}
	for id, e := range events {
		told := e.Type == tasks.BatchCompleted || outcomeEvent(e.Type)
		switch n := delivered[e.ID]; {
		case told && n != 1:
			r.report(foundWebhook, uploadOf(e), "event %d (%s) has %d deliveries", e.Seq, e.Type, n)
		case n > 0:
			r.arrived(e, r.hooks[id])
		}
	}
	for id, hs := range r.hooks {
		if _, known := events[id]; !known {
			r.report(foundUnexpected, uuid.Nil, "webhook %q (%s) tells of no event", id, hs[0].Type)
		}
	}
}

func outcomeEvent(t tasks.EventType) bool {
	return t == tasks.UploadSucceeded || t == tasks.UploadFailed || t == tasks.UploadCanceled
}

// uploadOf is the upload that an event tells of, for the report.
func uploadOf(e event) uuid.UUID {
	if !outcomeEvent(e.Type) {
		return uuid.Nil
	}
	o, err := outcomeOf(e.Data)
	if err != nil {
		return uuid.Nil
	}
	return o.ID
}

// arrived looks at the requests that carried one event.
func (r *records) arrived(e event, hs []hook) {
	taken := false
	for _, h := range hs {
		if !h.Verified {
			r.report(foundWebhook, uploadOf(e), "webhook %s came at %s with a signature that does not verify, or to where a redirect led", h.ID, h.At.Format(clockFormat))
			continue
		}
		if h.Stale && !r.skewed(h.At) {
			r.report(foundWebhook, uploadOf(e), "webhook %s came at %s with a timestamp that is wrong, and all clocks were right", h.ID, h.At.Format(clockFormat))
		}
		taken = taken || h.Answer/100 == 2
		if h.Type != e.Type || !sameJSON(h.Data, e.Data) {
			r.report(foundConflicting, uploadOf(e), "webhook %s said %s %s, and the ledger says %s %s", h.ID, h.Type, h.Data, e.Type, e.Data)
			return
		}
	}
	if !taken {
		r.report(foundWebhook, uploadOf(e), "event %d (%s) never arrived: %d requests", e.Seq, e.Type, len(hs))
	}
}

func sameJSON(a, b json.RawMessage) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
