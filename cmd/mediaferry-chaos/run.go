package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/attack"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/report"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

// runAll makes every run and checks its history. An error means that the tool could not do its work. What the product did
// wrong is in the report.
func runAll(ctx context.Context, s options, people io.Writer) (_ report.Report, err error) {
	dir, done, err := workDir(s.keep)
	if err != nil {
		return report.Report{}, err
	}
	defer done()
	binary, err := findBinary(ctx, s, dir)
	if err != nil {
		return report.Report{}, err
	}
	var histories []*history.History
	for _, run := range s.runs() {
		runDir := filepath.Join(dir, run.Name)
		if err := os.MkdirAll(runDir, 0o755); err != nil {
			return report.Report{}, fmt.Errorf("make folder: %w", err)
		}
		fmt.Fprintf(people, "%s: seed %d, %d uploads, %d kills, %v of attacks, %d workers, lease %v, Redis AOF %v\n",
			run.Name, run.Seed, run.Uploads, run.Kills, run.Duration, run.Workers, run.Lease, run.AOF)
		h, err := makeRun(ctx, run, binary, runDir, newProgress(people, s.verbose))
		if err != nil {
			return report.Report{}, fmt.Errorf("%s: %w", run.Name, err)
		}
		if err := h.Save(runDir); err != nil {
			return report.Report{}, err
		}
		histories = append(histories, h)
	}
	return report.New(s.commandLine(), histories), nil
}

// workDir returns the folder of all files: the one to keep, or one that done removes.
func workDir(keep string) (dir string, done func(), err error) {
	if keep == "" {
		dir, err = os.MkdirTemp("", "mediaferry-chaos-")
		if err != nil {
			return "", nil, fmt.Errorf("make folder: %w", err)
		}
		return dir, func() { os.RemoveAll(dir) }, nil
	}
	if dir, err = filepath.Abs(keep); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("make folder: %w", err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*", history.SummaryFile))
	if err == nil && len(kept) > 0 {
		err = fmt.Errorf("-keep: %s holds a history already", dir)
	}
	return dir, func() {}, err
}

// findBinary returns the program that workers run: mediaferry, built once, or this one for a planted bug.
func findBinary(ctx context.Context, s options, dir string) (string, error) {
	switch {
	case s.planted != "":
		return os.Executable()
	case s.binary != "":
		return filepath.Abs(s.binary)
	}
	return fleet.Build(ctx, dir, s.needsClocks())
}

// progress prints what happens, if -v is given. It is safe for concurrent use.
type progress struct {
	loud  bool
	start time.Time
	mu    sync.Mutex
	out   io.Writer
}

func newProgress(out io.Writer, loud bool) *progress {
	return &progress{loud: loud, start: time.Now(), out: out}
}

func (p *progress) say(format string, args ...any) {
	if !p.loud {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%7.2f  %s\n", time.Since(p.start).Seconds(), fmt.Sprintf(format, args...))
}

// makeRun starts a fleet, attacks it, waits until it settles, and returns the history.
func makeRun(ctx context.Context, run scenario.Run, binary, dir string, p *progress) (h *history.History, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := fleet.Start(ctx, run, binary, dir)
	if f != nil { // also what was started of one that failed
		defer f.Close()
	}
	if err != nil {
		return nil, err
	}
	p.say("all is up")
	start := time.Now()
	if err := f.StartProducers(ctx, start); err != nil {
		return nil, err
	}
	h = &history.History{Run: f.Run}
	var recording sync.WaitGroup
	sampling, stopSampling := context.WithCancel(ctx)
	defer stopSampling()
	if run.Soak {
		recording.Go(func() { h.Samples = f.Sample(sampling) })
	}
	observing, stopObserving := context.WithCancel(ctx)
	defer stopObserving()
	recording.Go(func() { h.Observations, h.Holds = f.Observe(observing) })
	h.Injections = attack.Execute(ctx, f, start, p.say)
	stopSampling()
	p.say("all attacks are over, waiting for the fleet to settle")
	h.Settled = f.Settle(ctx, p.say)
	stopObserving()
	recording.Wait()
	h.Ended = time.Now()
	return h, errors.Join(f.Collect(ctx, h), ctx.Err())
}
