package check

import (
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

// slack is how long before or after an attack on a clock a time may be wrong or right.
const slack = 2 * time.Second

// right corrects a time that was recorded by a clock that may have been wrong. Every skew is longer than a run, so that
// the correction is never ambiguous.
func (r *Records) right(at time.Time) time.Time {
	for i, s := range r.Injections {
		if t := at.Add(-s.Skew); s.Skew != 0 && r.wrong(i, t) {
			return t
		}
	}
	for _, skew := range r.Run.Skews() {
		if t := at.Add(-skew); !t.Before(r.start) && !t.After(r.Ended.Add(slack)) {
			return t
		}
	}
	return at
}

// began returns when a claim began. A worker logs the end of a claim and how long it took.
func (r *Records) began(c history.Claim) time.Time { return r.right(c.From.Add(c.Took)).Add(-c.Took) }

// skewed reports whether any clock was wrong at that time.
func (r *Records) skewed(at time.Time) bool {
	if len(r.Run.Skews()) > 0 {
		return true
	}
	for i, s := range r.Injections {
		if s.Skew != 0 && r.wrong(i, at) {
			return true
		}
	}
	return false
}

// wrong reports whether injection i had set a clock wrong at that time. A clock that jumped ahead stays ahead.
func (r *Records) wrong(i int, at time.Time) bool {
	s := r.Injections[i]
	end := s.Ended
	if s.Attack == history.ClockAhead {
		end = r.Ended
	}
	return !at.Before(s.Started.Add(-slack)) && !at.After(end.Add(slack))
}
