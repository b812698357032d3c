package main

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// recoveryLimit is how soon 99 of 100 uploads of a dead worker must be under way again.
const recoveryLimit = 15 * time.Second

func checkRecovery(r *records) {
	if p99 := quantile(r.recoveries(), 0.99); p99 > recoveryLimit {
		r.report(foundRecovery, uuid.Nil, "uploads of dead workers ran again after %v (p99), the limit is %v", p99.Round(time.Millisecond), recoveryLimit)
	}
}

// recoveries is, for every upload that was running when a worker was killed or began to stand still and that was not
// finished by whoever had it then, how long it took until it was claimed again: its next recorded attempt began, or
// it was answered by reuse. The clock starts at the blow, or where Redis, the ledger or WeChat was under attack after
// it, when that was healed; an upload that a second blow hits before it is under way counts from there.
func (r *records) recoveries() []time.Duration {
	var all []time.Duration
	for _, s := range r.Strikes {
		for _, id := range s.Busy {
			if o := r.outcomes[id]; o != nil && !survived(o, s.Struck) {
				if again, ok := nextStart(o, s.Struck); ok {
					if from, counts := r.countsFrom(s, id, again); counts {
						all = append(all, again.Sub(from))
					}
				}
			}
		}
	}
	slices.Sort(all)
	return all
}

// survived reports whether the worker that had it at that time lived to tell.
func survived(o *tasks.Outcome, at time.Time) bool {
	return slices.ContainsFunc(o.History, func(a tasks.Attempt) bool {
		return !a.Started.After(at) && a.Started.Add(a.Took).After(at)
	})
}

func nextStart(o *tasks.Outcome, after time.Time) (time.Time, bool) {
	var next time.Time
	sooner := func(t time.Time) {
		if t.After(after) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, a := range o.History {
		sooner(a.Started)
	}
	if o.Reused {
		sooner(o.Finished)
	}
	return next, !next.IsZero()
}

// countsFrom moves the start behind attacks on what a recovery needs. It is false where another blow hit the upload
// before it was under way again, or where such an attack was still going on then.
func (r *records) countsFrom(blow strike, id uuid.UUID, again time.Time) (time.Time, bool) {
	from := blow.Struck
	for _, s := range r.Strikes {
		if s.Struck.After(again) || s.Healed.Before(blow.Struck) {
			continue
		}
		switch {
		case slices.Contains(s.Busy, id):
			if s.Struck.After(blow.Struck) {
				return from, false
			}
		case s.Attack == "worker-kill" || s.Attack == "producer-kill" || s.Attack == "producer-stop":
		case s.Healed.After(again):
			return from, false
		case s.Healed.After(from):
			from = s.Healed
		}
	}
	return from, true
}

// quantile of sorted durations; 0 where there are none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*q))]
}

// resumption is how long after the healing of a strike the next upload succeeded; false where none did.
func (h *history) resumption(s strike, finished []time.Time) (time.Duration, bool) {
	i, _ := slices.BinarySearchFunc(finished, s.Healed, time.Time.Compare)
	if i == len(finished) {
		return 0, false
	}
	return finished[i].Sub(s.Healed), true
}

// successes lists when uploads succeeded, sorted.
func (h *history) successes() []time.Time {
	var at []time.Time
	for _, o := range h.Outcomes {
		if o.State == tasks.Succeeded {
			at = append(at, o.Finished)
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}
