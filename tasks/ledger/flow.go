package ledger

import (
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// flow measures how fast uploads end, as the dispatching process sees it. It bounds the belt to what the workers start in
// a second, so that a new upload never waits behind much. It belongs to the writer.
type flow struct {
	seen map[tasks.Priority]*stretch
}

// stretch counts the uploads of one priority that ended in the last second.
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

// enough returns the number of uploads under way that keeps the slots busy: one for each slot, and as many as end in a
// second, but at least half as many as there are slots. If the slots are not known, it returns the window.
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

// counted records what is under way before a dispatch.
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

// dispatched records what is under way after a dispatch.
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
