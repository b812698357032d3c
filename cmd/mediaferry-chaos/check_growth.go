package main

import (
	"cmp"
	"slices"

	"github.com/google/uuid"
)

// growth compares what a process held early in a run, when it had warmed up, with what it held at the end.
type growth struct {
	Process string `json:"process"`
	Of      string `json:"of"`
	Early   int64  `json:"early"` // median of the second quarter
	Late    int64  `json:"late"`  // median of the last quarter
	Allowed int64  `json:"allowed"`
}

// What may be held more at the end than early on: this share of it, and at least this much, since few of something
// double easily. Resident memory goes up and down with the collector.
const (
	growthShare    = 10 // percent
	growthCount    = 20 // goroutines, files
	memoryShare    = 25 // percent
	memoryBytes    = 32 << 20
	redisBytes     = 8 << 20
	ledgerOfUpload = 16 << 10 // bytes that an upload may take in the ledger, with its attempts, events and deliveries
	ledgerLog      = 48 << 20 // of SQLite, which it writes over again when it has 10,000 pages
	fewestSamples  = 8
)

// checkGrowth: what a process holds does not grow while the load stays the same.
func checkGrowth(r *records) {
	for _, g := range r.growths() {
		if g.Late > g.Allowed {
			r.report(foundGrowth, uuid.Nil, "%s of %s grew from %d to %d (medians of the second and the last quarter), %d are allowed", g.Of, g.Process, g.Early, g.Late, g.Allowed)
		}
	}
}

// growths looks at every process that was sampled often enough.
func (h *history) growths() (all []growth) {
	for name, ss := range h.samplesByProcess() {
		add := func(of string, value func(sample) int64, allowed func(early int64) int64) {
			early, late := quarter(ss, 1, value), quarter(ss, 3, value)
			if early > 0 || late > 0 {
				all = append(all, growth{name, of, early, late, allowed(early)})
			}
		}
		count := func(early int64) int64 { return early + max(early*growthShare/100, growthCount) }
		memory := func(least int64) func(int64) int64 {
			return func(early int64) int64 { return early + max(early*memoryShare/100, least) }
		}
		add("goroutines", func(s sample) int64 { return s.Goroutines }, count)
		add("open files", func(s sample) int64 { return s.Files }, count)
		bytes := func(s sample) int64 { return s.Memory }
		switch name {
		case sampleRedis:
			add("bytes used", bytes, memory(redisBytes))
		case sampleLedger:
			add("bytes on disk", bytes, func(early int64) int64 { return early + ledgerLog + int64(len(h.Outcomes))*ledgerOfUpload })
		default:
			add("bytes resident", bytes, memory(memoryBytes))
		}
	}
	slices.SortFunc(all, func(a, b growth) int { return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Of, b.Of)) })
	return all
}

func (h *history) samplesByProcess() map[string][]sample {
	by := map[string][]sample{}
	for _, s := range h.Samples {
		by[s.Process] = append(by[s.Process], s)
	}
	for name, ss := range by {
		if len(ss) < fewestSamples {
			delete(by, name)
		}
	}
	return by
}

// quarter is the median of a value in the quarter q (0 to 3) of the samples.
func quarter(ss []sample, q int, value func(sample) int64) int64 {
	n := len(ss)
	var values []int64
	for _, s := range ss[n*q/4 : n*(q+1)/4] {
		values = append(values, value(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
