package main

import "time"

// slack is how long after its strike a clock may still be found wrong, or right.
const slack = 2 * time.Second

// right is what a time was that somebody with a wrong clock wrote down. A run is shorter than the least skew, so that
// no time can be taken for another.
func (h *history) right(at time.Time) time.Time {
	for i, s := range h.Strikes {
		if t := at.Add(-s.Skew); s.Skew != 0 && h.wrong(i, t) {
			return t
		}
	}
	return at
}

// began is when a claim did, of which a worker wrote down the end and how long it had taken.
func (h *history) began(c claimed) time.Time { return h.right(c.From.Add(c.Took)).Add(-c.Took) }

// skewed reports whether any clock was wrong then.
func (h *history) skewed(at time.Time) bool {
	for i, s := range h.Strikes {
		if s.Skew != 0 && h.wrong(i, at) {
			return true
		}
	}
	return false
}

// wrong reports whether a clock was wrong then by strike i. A clock that jumped ahead stays so.
func (h *history) wrong(i int, at time.Time) bool {
	s := h.Strikes[i]
	end := s.Healed
	if s.Attack == clockAhead {
		end = h.Ended
	}
	return !at.Before(s.Struck.Add(-slack)) && !at.After(end.Add(slack))
}
