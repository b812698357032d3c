package main

import (
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// checkOutcomes: what was acknowledged has its outcome, and what has an outcome was submitted.
func checkOutcomes(r *records) {
	for _, ack := range r.acks {
		id, o := ack.ID, r.outcomes[ack.ID]
		if id == uuid.Nil { // the answer did not tell
			if o = r.byName[ack.Producer+" "+ack.Name]; o != nil {
				id = o.ID
			}
		}
		switch {
		case o == nil:
			r.report(foundLost, id, "%s was acknowledged at %s and is not in the ledger", ack.Name, ack.At.Format(clockFormat))
		case !o.State.Final():
			r.report(foundLost, id, "%s was acknowledged at %s and is %s at the end (%s)", ack.Name, ack.At.Format(clockFormat), o.State, o.Reason)
		case r.name(o) != ack.Name || o.Producer != ack.Producer || o.Account != ack.Account || o.Type != ack.Type || o.Source != ack.Source:
			r.report(foundConflicting, id, "%s was acknowledged for %s %s %s, and the ledger has %s %s %s %s",
				ack.Name, ack.Account, ack.Type, ack.Source, o.ExternalID, o.Account, o.Type, o.Source)
		}
	}
	for id, o := range r.outcomes {
		name := o.Producer + " " + r.name(o)
		if !r.intents[name] {
			r.report(foundUnexpected, id, "%s of %s is in the ledger, and nobody submitted it", o.ExternalID, o.Producer)
		}
		if _, acked := r.acked[name]; !acked && !o.State.Final() {
			r.report(foundOpen, id, "%s is %s at the end (%s)", o.ExternalID, o.State, o.Reason)
		}
	}
}

// clockFormat is how times are shown: a run takes minutes.
const clockFormat = "15:04:05.000"

// checkNames: one name is one upload.
func checkNames(r *records) {
	seen := map[string]uuid.UUID{}
	one := func(name string, id uuid.UUID) {
		if other, known := seen[name]; known && other != id {
			r.report(foundConflicting, id, "%s is two uploads: this one and %s", name, other)
		}
		seen[name] = id
	}
	for id, o := range r.outcomes {
		one(o.Producer+" "+r.name(o), id)
	}
	for _, e := range r.Log { // all of them: the last receipt hides the others in acked
		if e.Kind == entryAck && e.ID != uuid.Nil {
			one(e.Producer+" "+e.Name, e.ID)
		}
	}
}

// checkCauses: whatever did not succeed has a cause that somebody made.
func checkCauses(r *records) {
	for id, o := range r.outcomes {
		if o.State != tasks.Failed && o.State != tasks.Canceled {
			continue
		}
		if why := r.unexplained(o); why != "" {
			r.report(foundUnexpected, id, "%s %s with code %s, and %s: %s", o.ExternalID, o.State, o.Code, why, o.Reason)
		}
	}
}

// unexplained says what is missing for o to have ended as it did, "" where nothing is.
func (r *records) unexplained(o *tasks.Outcome) string {
	var explained bool
	var otherwise string
	switch o.Code {
	case tasks.Stopped:
		explained, otherwise = r.cancels[o.ID], "nobody canceled it"
	case tasks.Deadline:
		explained, otherwise = !r.acked[o.Producer+" "+r.name(o)].Deadline.IsZero(), "it had no deadline"
	case tasks.Missing, tasks.Changed, tasks.Corrupt, tasks.Unsupported, tasks.Empty:
		explained, otherwise = r.touched[o.Source], "nobody touched its file"
	case tasks.Temporary, tasks.Unknown, tasks.Rejected, tasks.TokenRefused:
		explained, otherwise = r.struckBy(laneFaults), "WeChat was well"
	default:
		return "no attack does that"
	}
	if explained {
		return ""
	}
	return otherwise
}

func (r *records) struckBy(lane int) bool {
	for _, s := range r.Strikes {
		if a := findAttack(s.Attack); a != nil && a.lane == lane && s.Err == "" {
			return true
		}
	}
	return false
}

// checkAttempts: no round has more than the limit, and they are counted 1, 2, 3.
func checkAttempts(r *records) {
	for id, o := range r.outcomes {
		if o.Attempts > r.Leg.Attempts {
			r.report(foundAttempts, id, "%s had %d attempts, the limit is %d", o.ExternalID, o.Attempts, r.Leg.Attempts)
		}
		count := map[int]int{}
		for _, a := range o.History {
			count[a.Round]++
			if a.Number != count[a.Round] {
				r.report(foundAttempts, id, "%s has an attempt %d in round %d where %d comes", o.ExternalID, a.Number, a.Round, count[a.Round])
			}
		}
		for round, n := range count {
			if n > r.Leg.Attempts {
				r.report(foundAttempts, id, "%s has a history of %d attempts in round %d, the limit is %d", o.ExternalID, n, round, r.Leg.Attempts)
			}
		}
		if count[o.Round] != o.Attempts {
			r.report(foundAttempts, id, "%s counts %d attempts, its history has %d", o.ExternalID, o.Attempts, count[o.Round])
		}
	}
}

// checkCrashes: no process of ours panicked.
func checkCrashes(r *records) {
	for _, line := range r.Panics {
		r.report(foundCrash, uuid.Nil, "%s", line)
	}
}
