package check

import (
	"slices"
	"time"
)

// tick is the resolution of the search for starved parties.
const tick = 500 * time.Millisecond

// ticks counts something for each tick of a run.
type ticks []int

func (r *Records) newTicks() ticks { return make(ticks, max(0, r.tickOf(r.Ended))+1) }

func (r *Records) tickOf(at time.Time) int { return int(at.Sub(r.start) / tick) }

// count adds one to the tick of a time.
func (r *Records) count(t ticks, at time.Time) {
	if i := r.tickOf(at); i >= 0 && i < len(t) {
		t[i]++
	}
}

// countSpan adds one to each tick of a span. With room, it leaves out the ticks in which room is 0.
func (r *Records) countSpan(t ticks, s span, room ticks) {
	for i := max(0, r.tickOf(s.from)); i < min(len(t), r.tickOf(s.to)); i++ {
		if room == nil || room[i] > 0 {
			t[i]++
		}
	}
}

// span is a stretch of time.
type span struct{ from, to time.Time }

// without returns what is left of a span after cuts.
func (s span) without(cuts []span) []span {
	slices.SortFunc(cuts, func(a, b span) int { return a.from.Compare(b.from) })
	var left []span
	for _, c := range cuts {
		if c.from.After(s.from) && s.from.Before(s.to) {
			end := s.to
			if c.from.Before(end) {
				end = c.from
			}
			left = append(left, span{s.from, end})
		}
		if c.to.After(s.from) {
			s.from = c.to
		}
	}
	if s.from.Before(s.to) {
		left = append(left, s)
	}
	return left
}
