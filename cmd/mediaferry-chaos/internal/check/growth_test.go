package check

import (
	"slices"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

// soaked adds samples of a process whose goroutines, files and memory go from the first to the last value.
func (f *forged) soaked(name string, first, last history.Sample) {
	const n = 40
	for i := range int64(n) {
		along := func(a, b int64) int64 { return a + (b-a)*i/n + i%3 } // a little noise
		f.Samples = append(f.Samples, history.Sample{
			At: forgedStart.Add(time.Duration(i) * time.Second), Process: name,
			Goroutines: along(first.Goroutines, last.Goroutines), Files: along(first.Files, last.Files), Memory: along(first.Memory, last.Memory),
		})
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	steady := history.Sample{Goroutines: 100, Files: 50, Memory: 80 * mib}
	for name, tc := range map[string]struct {
		process string
		last    history.Sample
		found   int
	}{
		"steady":                    {"worker-0", steady, 0},
		"warmer":                    {"worker-0", history.Sample{Goroutines: 120, Files: 60, Memory: 100 * mib}, 0},
		"goroutines leak":           {"worker-0", history.Sample{Goroutines: 300, Files: 50, Memory: 80 * mib}, 1},
		"files leak":                {"serve-0", history.Sample{Goroutines: 100, Files: 200, Memory: 80 * mib}, 1},
		"memory leaks":              {"worker-0", history.Sample{Goroutines: 100, Files: 50, Memory: 300 * mib}, 1},
		"all leak":                  {"worker-0", history.Sample{Goroutines: 900, Files: 900, Memory: 900 * mib}, 3},
		"Redis fills up":            {history.SampleRedis, history.Sample{Goroutines: 100, Files: 50, Memory: 300 * mib}, 1},
		"more than uploads explain": {history.SampleLedger, history.Sample{Goroutines: 100, Files: 50, Memory: 300 * mib}, 1},
		"the log of the ledger":     {history.SampleLedger, history.Sample{Goroutines: 100, Files: 50, Memory: 120 * mib}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := clean(t)
			f.soaked(tc.process, steady, tc.last)
			found := slices.DeleteFunc(All(f.History), func(x Finding) bool { return x.Kind != Growth })
			if len(found) != tc.found {
				t.Errorf("%d found, want %d: %+v", len(found), tc.found, found)
			}
		})
	}
}

func TestFewSamplesProveNothing(t *testing.T) {
	t.Parallel()
	f := clean(t)
	f.soaked("worker-0", history.Sample{Files: 1}, history.Sample{Files: 1000})
	f.Samples = f.Samples[:fewestSamples-1]
	if g := New(f.History).Trends(); len(g) > 0 {
		t.Errorf("judged by %d samples: %+v", len(f.Samples), g)
	}
}
