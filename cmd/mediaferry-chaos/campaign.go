package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// campaign runs every leg and checks what came of it. An error means that a run did not work; what the product did
// wrong is in the report.
func campaign(ctx context.Context, s settings, people io.Writer) (_ report, err error) {
	dir, done, err := workDir(s.keep)
	if err != nil {
		return report{}, err
	}
	defer done()
	binary, err := findBinary(ctx, s, dir)
	if err != nil {
		return report{}, err
	}
	var histories []*history
	for _, l := range s.legs() {
		legDir := filepath.Join(dir, l.Name)
		if err := os.MkdirAll(legDir, 0o755); err != nil {
			return report{}, fmt.Errorf("make folder: %w", err)
		}
		fmt.Fprintf(people, "%s: seed %d, %d uploads, %d kills, %v of attacks, %d workers, lease %v, Redis AOF %v\n",
			l.Name, l.Seed, l.Uploads, l.Kills, l.Duration, l.Workers, l.Lease, l.AOF)
		h, err := runLeg(ctx, l, binary, legDir, newTeller(people, s.verbose))
		if err != nil {
			return report{}, fmt.Errorf("%s: %w", l.Name, err)
		}
		if err := h.save(legDir); err != nil {
			return report{}, err
		}
		histories = append(histories, h)
	}
	return newReport(s, histories), nil
}

// workDir is where a run lives: the folder to keep, or one that goes away in the end.
func workDir(keep string) (dir string, done func(), err error) {
	if keep == "" {
		dir, err = os.MkdirTemp("", "mediaferry-chaos-")
		if err != nil {
			return "", nil, fmt.Errorf("make folder: %w", err)
		}
		// PostgreSQL runs as another user and must get through.
		return dir, func() { os.RemoveAll(dir) }, os.Chmod(dir, 0o711)
	}
	if dir, err = filepath.Abs(keep); err != nil {
		return "", nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", nil, fmt.Errorf("make folder: %w", err)
	}
	kept, err := filepath.Glob(filepath.Join(dir, "*", summaryFile))
	if err == nil && len(kept) > 0 {
		err = fmt.Errorf("-keep: %s holds a history already", dir)
	}
	return dir, func() {}, err
}

// findBinary returns the program that workers run: mediaferry, built once, or this one for a planted bug.
func findBinary(ctx context.Context, s settings, dir string) (string, error) {
	switch {
	case s.planted != "":
		return os.Executable()
	case s.binary != "":
		return filepath.Abs(s.binary)
	}
	return buildBinary(ctx, dir, s.setsClocks())
}

// buildBinary builds mediaferry as it is released, or with a clock that can be set.
func buildBinary(ctx context.Context, dir string, clocks bool) (string, error) {
	_, here, _, _ := runtime.Caller(0)
	binary := filepath.Join(dir, "mediaferry")
	args := []string{"build", "-o", binary}
	if clocks {
		file, err := overlay(dir)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", file)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, "github.com/mediaferry/mediaferry/cmd/mediaferry")...)
	if module := filepath.Dir(here); filepath.IsAbs(module) {
		if _, err := os.Stat(module); err == nil {
			cmd.Dir = module
		}
	}
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
	text, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build mediaferry (or name one with -mediaferry): %w\n%s", err, text)
	}
	return binary, nil
}

// teller says what happens, to people who want to know. Safe for concurrent use.
type teller struct {
	loud  bool
	start time.Time
	mu    sync.Mutex
	out   io.Writer
}

func newTeller(out io.Writer, loud bool) *teller {
	return &teller{loud: loud, start: time.Now(), out: out}
}

func (t *teller) say(format string, args ...any) {
	if !t.loud {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%7.2f  %s\n", time.Since(t.start).Seconds(), fmt.Sprintf(format, args...))
}

// runLeg is one leg from start to its history.
func runLeg(ctx context.Context, l leg, binary, dir string, tell *teller) (h *history, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	f, err := build(ctx, l, binary, dir)
	defer f.close()
	if err != nil {
		return nil, err
	}
	tell.say("all is up")
	start := time.Now()
	if err := f.produce(ctx, start); err != nil {
		return nil, err
	}
	h = &history{Leg: f.leg}
	watch, err := f.watch()
	if err != nil {
		return nil, err
	}
	var beside sync.WaitGroup
	sampled, stop := context.WithCancel(ctx)
	defer stop()
	if l.Soak {
		beside.Go(func() { h.Samples = f.sample(sampled) })
	}
	watched, blind := context.WithCancel(ctx)
	defer blind()
	beside.Go(func() { watch.run(watched) })
	h.Strikes = f.fight(ctx, start, tell)
	stop()
	tell.say("healed, waiting for it to come to rest")
	if h.Quiet, err = f.rest(ctx, tell); err != nil {
		return nil, err
	}
	blind()
	beside.Wait()
	h.Ended, h.Sightings = time.Now(), watch.seen
	return h, errors.Join(f.collect(ctx, h), ctx.Err())
}
