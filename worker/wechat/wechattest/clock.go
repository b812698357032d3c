package wechattest

import (
	"sync/atomic"
	"time"
)

// clock is the sandbox's own time: a base that runs, and how far it was advanced.
type clock struct {
	base  func() time.Time
	ahead atomic.Int64 // nanoseconds
}

func (c *clock) now() time.Time { return c.base().Add(time.Duration(c.ahead.Load())) }

// Now returns the sandbox's time.
func (s *Sandbox) Now() time.Time { return s.clock.now() }

// Advance moves the sandbox's time forward by d, so that tokens and media expire and quotas begin anew.
// A negative d is ignored: WeChat's time never runs back.
func (s *Sandbox) Advance(d time.Duration) {
	if d > 0 {
		s.clock.ahead.Add(int64(d))
	}
}

// WeChat's days begin at midnight in China, which has no summer time.
const chinaOffset = 8 * 60 * 60

// dayOf, minuteOf and monthOf number the quota windows that t lies in.
func dayOf(t time.Time) int64    { return (t.Unix() + chinaOffset) / (24 * 60 * 60) }
func minuteOf(t time.Time) int64 { return t.Unix() / 60 }
func monthOf(t time.Time) int64 {
	c := t.In(time.FixedZone("", chinaOffset))
	return int64(c.Year())*12 + int64(c.Month())
}

// window counts calls within one day, minute or month, and starts from nothing in the next.
type window struct {
	number int64
	n      int
}

func (w *window) at(number int64) *int {
	if w.number != number {
		*w = window{number: number}
	}
	return &w.n
}
