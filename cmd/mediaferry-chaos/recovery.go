package main

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// recoveryLimit is how soon 99 of 100 uploads of a dead worker must be under way again.
const recoveryLimit = 15 * time.Second

func checkRecovery(r *records) {
	if p99 := quantile(r.recoveries(), 0.99); p99 > recoveryLimit && !r.Leg.Untimed {
		r.report(foundRecovery, r.recovered()[0].Upload, "uploads of dead workers ran again after %v (p99), the limit is %v", p99.Round(time.Millisecond), recoveryLimit)
	}
}

// recovered is one upload that was under way again after a blow.
type recovered struct {
	Upload uuid.UUID     `json:"upload"`
	Blow   string        `json:"blow"`
	From   time.Time     `json:"from"` // where the clock starts
	Took   time.Duration `json:"took_ns"`
}

// slowest is of how many recoveries the whole story is kept.
const slowest = 3

// recovered is, for every upload that was running when a worker was killed or began to stand still and whose worker
// then did not live to tell, how long it took until it was claimed again, by the logs of the workers and by the
// attempts in the ledger, the slowest first. A claim that ends with its worker leaves no trace; the next blow has it
// then. The clock starts at the blow, or where Redis or the ledger was under attack after it, when that was
// healed; an upload that a second blow hits before it is under way counts from there.
func (r *records) recovered() []recovered {
	var all []recovered
	spans := r.spans()
	for _, s := range r.Strikes {
		for _, id := range s.Busy {
			if !survived(spans[id], s.Struck) {
				if again, ok := nextStart(spans[id], s.Struck); ok {
					if from, counts := r.countsFrom(s, id, again); counts {
						all = append(all, recovered{id, s.Attack + " of " + s.What, from, again.Sub(from)})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b recovered) int { return cmp.Compare(b.Took, a.Took) })
	return all
}

// recoveries lists how long they took, sorted.
func (r *records) recoveries() []time.Duration {
	var all []time.Duration
	for _, one := range r.recovered() {
		all = append(all, one.Took)
	}
	slices.Reverse(all)
	return all
}

// spans lists the claims of each upload that left a trace.
func (r *records) spans() map[uuid.UUID][]claimed {
	all := map[uuid.UUID][]claimed{}
	for _, c := range r.Claims {
		c.From = r.began(c)
		all[c.Upload] = append(all[c.Upload], c)
	}
	for id, o := range r.outcomes {
		for _, a := range o.History {
			all[id] = append(all[id], claimed{Upload: id, From: r.right(a.Started), Took: a.Took})
		}
	}
	return all
}

// survived reports whether the worker that had it at that time lived to tell.
func survived(spans []claimed, at time.Time) bool {
	return slices.ContainsFunc(spans, func(c claimed) bool {
		return !c.From.After(at) && c.From.Add(c.Took).After(at)
	})
}

// nextStart is when the next claim began.
func nextStart(spans []claimed, after time.Time) (next time.Time, ok bool) {
	for _, c := range spans {
		if c.From.After(after) && (next.IsZero() || c.From.Before(next)) {
			next = c.From
		}
	}
	return next, !next.IsZero()
}

// countsFrom moves the start behind attacks on Redis and the ledger, without which nothing is claimed. It is false where another blow hit the upload
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
		case !strings.Contains(s.Attack, "redis-") && !strings.Contains(s.Attack, "ledger-"): // a claim needs no more than these
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
			at = append(at, h.right(o.Finished))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}
