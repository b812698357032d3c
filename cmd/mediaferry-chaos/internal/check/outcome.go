package check

import (
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/tasks"
)

// checkOutcomes: every acknowledged upload has its outcome, and every upload in the ledger was submitted.
func checkOutcomes(r *Records) {
	for _, ack := range r.acks {
		id, o := ack.ID, r.outcomes[ack.ID]
		if id == uuid.Nil { // the answer did not contain it
			if o = r.byName[ack.Producer+" "+ack.Name]; o != nil {
				id = o.ID
			}
		}
		switch {
		case o == nil:
			r.add(Lost, id, "%s was acknowledged at %s and is not in the ledger", ack.Name, ack.At.Format(TimeFormat))
		case !o.State.Final():
			r.add(Lost, id, "%s was acknowledged at %s and is %s at the end (%s)", ack.Name, ack.At.Format(TimeFormat), o.State, o.Reason)
		case r.name(o) != ack.Name || o.Producer != ack.Producer || o.Account != ack.Account || o.Type != ack.Type || o.Source != ack.Source:
			r.add(Conflicting, id, "%s was acknowledged for %s %s %s, and the ledger has %s %s %s %s",
				ack.Name, ack.Account, ack.Type, ack.Source, o.ExternalID, o.Account, o.Type, o.Source)
		}
	}
	for id, o := range r.outcomes {
		name := o.Producer + " " + r.name(o)
		if !r.intents[name] {
			r.add(Unexpected, id, "%s of %s is in the ledger, and nobody submitted it", o.ExternalID, o.Producer)
		}
		if _, acked := r.Acked[name]; !acked && !o.State.Final() {
			r.add(Open, id, "%s is %s at the end (%s)", o.ExternalID, o.State, o.Reason)
		}
	}
}

// TimeFormat is the format of times in findings and timelines. A run takes minutes.
const TimeFormat = "15:04:05.000"

// checkNames: one name belongs to one upload.
func checkNames(r *Records) {
	seen := map[string]uuid.UUID{}
	one := func(name string, id uuid.UUID) {
		if other, known := seen[name]; known && other != id {
			r.add(Conflicting, id, "%s is two uploads: this one and %s", name, other)
		}
		seen[name] = id
	}
	for id, o := range r.outcomes {
		one(o.Producer+" "+r.name(o), id)
	}
	for _, e := range r.Journal { // Acked has only the last receipt of each name
		if e.Kind == history.Ack && e.ID != uuid.Nil {
			one(e.Producer+" "+e.Name, e.ID)
		}
	}
}

// checkCauses: every failed or canceled upload has a cause, in an attack or a producer.
func checkCauses(r *Records) {
	for id, o := range r.outcomes {
		if o.State != tasks.Failed && o.State != tasks.Canceled {
			continue
		}
		if why := r.unexplained(o); why != "" {
			r.add(Unexpected, id, "%s %s with code %s, and %s: %s", o.ExternalID, o.State, o.Code, why, o.Reason)
		}
	}
}

// unexplained says why o could not have ended as it did. It returns "" if it could.
func (r *Records) unexplained(o *tasks.Outcome) string {
	var explained bool
	var otherwise string
	switch o.Code {
	case tasks.Stopped:
		explained, otherwise = r.cancels[o.ID], "nobody canceled it"
	case tasks.Deadline:
		explained, otherwise = !r.Acked[o.Producer+" "+r.name(o)].Deadline.IsZero(), "it had no deadline"
	case tasks.Missing, tasks.Changed, tasks.Corrupt, tasks.Unsupported, tasks.Empty:
		explained, otherwise = r.touched[o.Source], "nobody touched its file"
	case tasks.Temporary, tasks.Unknown, tasks.Rejected, tasks.TokenRefused:
		explained, otherwise = r.externalFault(), "WeChat was well"
	default:
		return "no attack does that"
	}
	if explained {
		return ""
	}
	return otherwise
}

// externalFault reports whether anything outside of the fleet was attacked.
func (r *Records) externalFault() bool {
	return slices.ContainsFunc(r.Injections, func(s history.Injection) bool { return s.External && s.Err == "" })
}

// checkAttempts: no round has more attempts than the limit, and they are numbered 1, 2, 3.
func checkAttempts(r *Records) {
	for id, o := range r.outcomes {
		if o.Attempts > r.Run.Attempts {
			r.add(Attempts, id, "%s had %d attempts, the limit is %d", o.ExternalID, o.Attempts, r.Run.Attempts)
		}
		count := map[int]int{}
		for _, a := range o.History {
			count[a.Round]++
			if a.Number != count[a.Round] {
				r.add(Attempts, id, "%s has an attempt %d in round %d where %d comes", o.ExternalID, a.Number, a.Round, count[a.Round])
			}
		}
		for round, n := range count {
			if n > r.Run.Attempts {
				r.add(Attempts, id, "%s has a history of %d attempts in round %d, the limit is %d", o.ExternalID, n, round, r.Run.Attempts)
			}
		}
		if count[o.Round] != o.Attempts {
			r.add(Attempts, id, "%s counts %d attempts, its history has %d", o.ExternalID, o.Attempts, count[o.Round])
		}
	}
}

// checkCrashes: no process of ours panicked.
func checkCrashes(r *Records) {
	for _, line := range r.Panics {
		r.add(Crash, uuid.Nil, "%s", line)
	}
}
