package check

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/tasks"
)

// recoveryLimit is how soon 99 of 100 uploads of dead workers must run again.
const recoveryLimit = 15 * time.Second

// checkRecovery: uploads of dead workers run again soon.
func checkRecovery(r *Records) {
	if p99 := Quantile(r.Recoveries(), 0.99); p99 > recoveryLimit && !r.Run.Untimed {
		r.add(LateRecovery, r.Recovered()[0].Upload, "uploads of dead workers ran again after %v (p99), the limit is %v", p99.Round(time.Millisecond), recoveryLimit)
	}
}

// Recovery is one upload that ran again after its worker was killed or stopped.
type Recovery struct {
	Upload uuid.UUID     `json:"upload"`
	Attack string        `json:"attack"`
	From   time.Time     `json:"from"` // when the recovery began
	Took   time.Duration `json:"took_ns"`
}

// Slowest is how many recoveries get a timeline in the report.
const Slowest = 3

// Recovered lists the recoveries, the slowest first.
//
// It takes every upload that ran when a worker was killed or stopped, unless the log of a worker says that this claim went
// on. A recovery begins with the attack. If Redis or the ledger was attacked meanwhile, it begins when that attack ended.
// It ends with the next claim, by the logs of the workers and the attempts in the ledger. If a second attack hits the
// upload before, only the second one counts.
func (r *Records) Recovered() []Recovery {
	var all []Recovery
	spans := r.spans()
	for _, s := range r.Injections {
		for _, id := range s.Running {
			if !survived(spans[id], s.Started) {
				if again, ok := nextStart(spans[id], s.Started); ok {
					if from, counts := r.countsFrom(s, id, again); counts {
						all = append(all, Recovery{id, s.Attack + " of " + s.Target, from, again.Sub(from)})
					}
				}
			}
		}
	}
	slices.SortFunc(all, func(a, b Recovery) int { return cmp.Compare(b.Took, a.Took) })
	return all
}

// Recoveries lists how long the recoveries took, sorted.
func (r *Records) Recoveries() []time.Duration {
	var all []time.Duration
	for _, one := range r.Recovered() {
		all = append(all, one.Took)
	}
	slices.Reverse(all)
	return all
}

// spans lists the known claims of each upload. A claim that ended with its worker is unknown.
func (r *Records) spans() map[uuid.UUID][]history.Claim {
	all := map[uuid.UUID][]history.Claim{}
	for _, c := range r.Claims {
		c.From = r.began(c)
		all[c.Upload] = append(all[c.Upload], c)
	}
	for id, o := range r.outcomes {
		for _, a := range o.History {
			all[id] = append(all[id], history.Claim{Upload: id, From: r.right(a.Started), Took: a.Took})
		}
	}
	return all
}

// survived reports whether a known claim covers that time.
func survived(spans []history.Claim, at time.Time) bool {
	return slices.ContainsFunc(spans, func(c history.Claim) bool {
		return !c.From.After(at) && c.From.Add(c.Took).After(at)
	})
}

// nextStart returns when the next claim began.
func nextStart(spans []history.Claim, after time.Time) (next time.Time, ok bool) {
	for _, c := range spans {
		if c.From.After(after) && (next.IsZero() || c.From.Before(next)) {
			next = c.From
		}
	}
	return next, !next.IsZero()
}

// countsFrom returns when the recovery from an attack began: after all attacks on Redis and the ledger, since a claim needs
// both. It reports false when a second attack hit the upload before it ran again, or when Redis or the ledger was still
// under attack then.
func (r *Records) countsFrom(kill history.Injection, id uuid.UUID, again time.Time) (time.Time, bool) {
	from := kill.Started
	for _, s := range r.Injections {
		if s.Started.After(again) || s.Ended.Before(kill.Started) {
			continue
		}
		switch {
		case slices.Contains(s.Running, id):
			if s.Started.After(kill.Started) {
				return from, false
			}
		case !strings.Contains(s.Attack, "redis-") && !strings.Contains(s.Attack, "ledger-"): // a claim needs nothing else
		case s.Ended.After(again):
			return from, false
		case s.Ended.After(from):
			from = s.Ended
		}
	}
	return from, true
}

// Quantile returns a quantile of sorted durations, 0 if there are none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(float64(len(sorted))*q))]
}

// Resumption returns how long after the end of an attack the next upload succeeded. It reports false when none did.
func (r *Records) Resumption(s history.Injection, finished []time.Time) (time.Duration, bool) {
	i, _ := slices.BinarySearchFunc(finished, s.Ended, time.Time.Compare)
	if i == len(finished) {
		return 0, false
	}
	return finished[i].Sub(s.Ended), true
}

// Successes returns the times when uploads succeeded, sorted.
func (r *Records) Successes() []time.Time {
	var at []time.Time
	for _, o := range r.Outcomes {
		if o.State == tasks.Succeeded {
			at = append(at, r.right(o.Finished))
		}
	}
	slices.SortFunc(at, time.Time.Compare)
	return at
}
