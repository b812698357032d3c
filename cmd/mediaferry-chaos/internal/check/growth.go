package check

import (
	"cmp"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

// Trend compares what a process held early in a run, after it had warmed up, with what it held at the end.
type Trend struct {
	Process string `json:"process"`
	Of      string `json:"of"`
	Early   int64  `json:"early"` // median of the second quarter
	Late    int64  `json:"late"`  // median of the last quarter
	Allowed int64  `json:"allowed"`
}

// How much more a process may hold at the end: a share of what it held early, and at least a fixed amount, since small
// numbers double easily. Resident memory varies with the garbage collector.
const (
	growthShare    = 10 // percent
	growthCount    = 20 // goroutines, files
	memoryShare    = 25 // percent
	memoryBytes    = 32 << 20
	redisBytes     = 8 << 20
	ledgerOfUpload = 16 << 10 // bytes of an upload in the ledger, with its attempts, events and deliveries
	ledgerLog      = 48 << 20 // bytes of the log of SQLite, which is reused from 10,000 pages on
	fewestSamples  = 8
)

// checkGrowth: what a process holds does not grow while the load stays the same.
func checkGrowth(r *Records) {
	for _, g := range r.Trends() {
		if g.Late > g.Allowed {
			r.add(Growth, uuid.Nil, "%s of %s grew from %d to %d (medians of the second and the last quarter), %d are allowed", g.Of, g.Process, g.Early, g.Late, g.Allowed)
		}
	}
}

// Trends lists the trends of every process with enough samples.
func (r *Records) Trends() (all []Trend) {
	for name, ss := range r.samplesByProcess() {
		add := func(of string, value func(history.Sample) int64, allowed func(early int64) int64) {
			early, late := quarter(ss, 1, value), quarter(ss, 3, value)
			if early > 0 || late > 0 {
				all = append(all, Trend{name, of, early, late, allowed(early)})
			}
		}
		count := func(early int64) int64 { return early + max(early*growthShare/100, growthCount) }
		memory := func(least int64) func(int64) int64 {
			return func(early int64) int64 { return early + max(early*memoryShare/100, least) }
		}
		add("goroutines", func(s history.Sample) int64 { return s.Goroutines }, count)
		add("open files", func(s history.Sample) int64 { return s.Files }, count)
		bytes := func(s history.Sample) int64 { return s.Memory }
		switch name {
		case history.SampleRedis:
			add("bytes used", bytes, memory(redisBytes))
		case history.SampleLedger:
			add("bytes on disk", bytes, func(early int64) int64 { return early + ledgerLog + int64(len(r.Outcomes))*ledgerOfUpload })
		default:
			add("bytes resident", bytes, memory(memoryBytes))
		}
	}
	slices.SortFunc(all, func(a, b Trend) int { return cmp.Or(cmp.Compare(a.Process, b.Process), cmp.Compare(a.Of, b.Of)) })
	return all
}

func (r *Records) samplesByProcess() map[string][]history.Sample {
	by := map[string][]history.Sample{}
	for _, s := range r.Samples {
		by[s.Process] = append(by[s.Process], s)
	}
	for name, ss := range by {
		if len(ss) < fewestSamples {
			delete(by, name)
		}
	}
	return by
}

// quarter returns the median of a value in quarter q (0 to 3) of the samples.
func quarter(ss []history.Sample, q int, value func(history.Sample) int64) int64 {
	n := len(ss)
	var values []int64
	for _, s := range ss[n*q/4 : n*(q+1)/4] {
		values = append(values, value(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
