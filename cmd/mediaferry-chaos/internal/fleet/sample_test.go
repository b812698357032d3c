package fleet

import (
	"os/exec"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

func TestSampleOfAProcess(t *testing.T) {
	t.Parallel()
	p := process.New("sleeper", t.Output(), func() *exec.Cmd { return exec.Command("sleep", "60") })
	f := &Fleet{metrics: map[string]string{}}
	f.run(t.Context(), p)
	t.Cleanup(f.Close)
	var s history.Sample
	taskstest.Until(t, "it has begun", func() bool {
		var err error
		s, err = f.sampleProcess(t.Context(), p)
		return err == nil && s.Files >= 3 && s.Memory >= 100*scenario.KiB
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
