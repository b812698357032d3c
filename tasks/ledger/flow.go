package ledger

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// flow is how fast uploads end, as the process sees it that dispatches. What is on the belt is bounded by it: no more
// than the workers start in a second, so that nobody who comes later waits behind much. It belongs to the writer.
type flow struct {
	seen map[tasks.Priority]*stretch
}

// stretch is what ended of one priority in the last second.
type stretch struct {
	underWay int // after the last dispatch
	ends     []ends
}

type ends struct {
	at int64
	n  int
}

const (
	flowSpan = time.Second
	flowNow  = 250 * time.Millisecond
)

// enough is how many uploads under way keep so many slots busy: those in the slots, and what ends in a second, half as
// many as there are slots at least. Where the slots are not known, the whole window.
func (f *flow) enough(p tasks.Priority, now int64, slots, window int) int {
	if slots <= 0 {
		return window
	}
	second, lately := 0, 0
	if s := f.seen[p]; s != nil {
		for _, e := range s.ends {
			if age := now - e.at; age < flowSpan.Microseconds() {
				second += e.n
				if age < flowNow.Microseconds() {
					lately += e.n
				}
			}
		}
	}
	return slots + max((slots+1)/2, second, lately*int(flowSpan/flowNow))
}

// counted notes what is under way before a dispatch.
func (f *flow) counted(now int64, load map[lane]int) {
	for p, n := range byPriority(load) {
		s := f.seen[p]
		if s == nil {
			continue
		}
		for len(s.ends) > 0 && now-s.ends[0].at >= flowSpan.Microseconds() {
			s.ends = s.ends[1:]
		}
		if ended := s.underWay - n; ended > 0 {
			s.ends = append(s.ends, ends{now, ended})
			s.underWay = n
		}
	}
}

// dispatched notes what is under way after a dispatch.
func (f *flow) dispatched(load map[lane]int) {
	if f.seen == nil {
		f.seen = map[tasks.Priority]*stretch{}
	}
	for p, n := range byPriority(load) {
		if f.seen[p] == nil {
			f.seen[p] = new(stretch)
		}
		f.seen[p].underWay = n
	}
}

func byPriority(load map[lane]int) map[tasks.Priority]int {
	n := map[tasks.Priority]int{tasks.Bulk: 0, tasks.Interactive: 0}
	for k, m := range load {
		n[k.priority] += m
	}
	return n
}
