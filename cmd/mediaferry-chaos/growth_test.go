package main

import (
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// soaked adds samples of a process whose goroutines, files and memory go from the first to the last value.
func (f *forged) soaked(name string, first, last sample) {
	const n = 40
	for i := range int64(n) {
		along := func(a, b int64) int64 { return a + (b-a)*i/n + i%3 } // a little noise
		f.Samples = append(f.Samples, sample{
			At: forgedStart.Add(time.Duration(i) * time.Second), Process: name,
			Goroutines: along(first.Goroutines, last.Goroutines), Files: along(first.Files, last.Files), Memory: along(first.Memory, last.Memory),
		})
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	steady := sample{Goroutines: 100, Files: 50, Memory: 80 * mib}
	for name, tc := range map[string]struct {
		process string
		last    sample
		found   int
	}{
		"steady":                    {"worker-0", steady, 0},
		"warmer":                    {"worker-0", sample{Goroutines: 120, Files: 60, Memory: 100 * mib}, 0},
		"goroutines leak":           {"worker-0", sample{Goroutines: 300, Files: 50, Memory: 80 * mib}, 1},
		"files leak":                {"serve-0", sample{Goroutines: 100, Files: 200, Memory: 80 * mib}, 1},
		"memory leaks":              {"worker-0", sample{Goroutines: 100, Files: 50, Memory: 300 * mib}, 1},
		"all leak":                  {"worker-0", sample{Goroutines: 900, Files: 900, Memory: 900 * mib}, 3},
		"Redis fills up":            {sampleRedis, sample{Goroutines: 100, Files: 50, Memory: 300 * mib}, 1},
		"more than uploads explain": {sampleLedger, sample{Goroutines: 100, Files: 50, Memory: 300 * mib}, 1},
		"the log of the ledger":     {sampleLedger, sample{Goroutines: 100, Files: 50, Memory: 120 * mib}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := clean(t)
			f.soaked(tc.process, steady, tc.last)
			found := slices.DeleteFunc(check(f.history), func(x finding) bool { return x.Kind != foundGrowth })
			if len(found) != tc.found {
				t.Errorf("%d found, want %d: %+v", len(found), tc.found, found)
			}
		})
	}
}

func TestFewSamplesProveNothing(t *testing.T) {
	t.Parallel()
	f := clean(t)
	f.soaked("worker-0", sample{Files: 1}, sample{Files: 1000})
	f.Samples = f.Samples[:fewestSamples-1]
	if g := f.growths(); len(g) > 0 {
		t.Errorf("judged by %d samples: %+v", len(f.Samples), g)
	}
}

func TestSampleOfAProcess(t *testing.T) {
	t.Parallel()
	p := newProcess("sleeper", t.Output(), func() *exec.Cmd { return exec.Command("sleep", "60") })
	f := &field{metrics: map[string]string{}}
	f.run(t.Context(), p)
	t.Cleanup(f.close)
	var s sample
	taskstest.Until(t, "it has begun", func() bool {
		var err error
		s, err = f.sampleProcess(t.Context(), p)
		return err == nil && s.Files >= 3 && s.Memory >= 100*kib
	})
	if s.Goroutines != 0 || s.Process != "sleeper" {
		t.Errorf("got %+v", s)
	}
}

func TestValueAfter(t *testing.T) {
	t.Parallel()
	text := []byte("# HELP go_goroutines how many\ngo_goroutines 42\nVmRSS:\t   1234 kB\nused_memory:99\r\n")
	for label, want := range map[string]int64{goroutinesMetric: 42, statusMemory: 1234, usedLabel: 99} {
		if got, err := valueAfter(text, label); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", label, got, err, want)
		}
	}
	if _, err := valueAfter(text, "nothing"); err == nil {
		t.Error("found what is not there")
	}
}
