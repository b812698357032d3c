package fleet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/clock"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/wait"
)

func (f *Fleet) startWorkers(ctx context.Context, binary string) error {
	for i := range f.Run.Workers {
		name := fmt.Sprintf("worker-%d", i)
		args := []string{"worker", "--config", f.settings()}
		w := f.Run.Worker(i)
		f.skews[name] = w.Skew
		env := workerEnv(w)
		if i == 0 || f.Run.Soak { // one worker serves the API too; in a soak all do, for their metrics
			args[0] = "run"
			addr, err := f.address(name)
			if err != nil {
				return err
			}
			env = append(env, addr)
		}
		if f.Run.Planted != "" {
			args = []string{"planted-worker", f.settings(), f.Run.Planted}
		}
		p, err := f.child(name, env, binary, args...)
		if err != nil {
			return err
		}
		f.Workers = append(f.Workers, p)
		f.run(ctx, p)
	}
	return wait.Until(ctx, startTime, func() error { return f.ready(f.Workers, "ready") })
}

// workerEnv returns the settings of one worker, as environment variables.
func workerEnv(w scenario.Worker) []string {
	return []string{
		fmt.Sprintf("MEDIAFERRY_WORKER__CONCURRENCY=%d", w.Slots),
		fmt.Sprintf("MEDIAFERRY_WORKER__INTERACTIVE=%d", w.Interactive),
		fmt.Sprintf("MEDIAFERRY_WORKER__LEASE=%v", w.Lease),
		fmt.Sprintf("MEDIAFERRY_WORKER__HOLD_RECHECK=%v", w.HoldRecheck),
	}
}

// startServes starts the processes that only serve the API. They keep their ports over restarts.
func (f *Fleet) startServes(ctx context.Context, binary string) error {
	for i := range f.Run.Serves {
		name := fmt.Sprintf("serve-%d", i)
		addr, err := f.address(name)
		if err != nil {
			return err
		}
		p, err := f.child(name, []string{addr}, binary, "serve", "--config", f.settings())
		if err != nil {
			return err
		}
		f.Serves, f.urls = append(f.Serves, p), append(f.urls, f.metrics[name])
		f.run(ctx, p)
	}
	return wait.Until(ctx, startTime, func() error { return f.ready(f.Serves, "listening") })
}

// address finds a port for a process, and returns the setting that makes it listen there.
func (f *Fleet) address(name string) (string, error) {
	port, err := freePort()
	if err != nil {
		return "", err
	}
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	f.metrics[name] = "http://" + addr
	return "MEDIAFERRY_LISTEN=" + addr, nil
}

// startTime is how long processes may take to be ready. A run whose processes take longer fails.
const startTime = 2 * time.Minute

// ready returns an error while the log of one process lacks the message.
func (f *Fleet) ready(ps []*process.Process, message string) error {
	for _, p := range ps {
		log, err := os.ReadFile(f.path(p.Name + ".log"))
		if err != nil {
			return err
		}
		if !bytes.Contains(log, []byte(`"msg":"`+message+`"`)) {
			return fmt.Errorf("%s does not start:\n%s", p.Name, log[max(0, len(log)-1000):])
		}
	}
	return nil
}

// child makes a process with a log and a clock of its own.
func (f *Fleet) child(name string, env []string, binary string, args ...string) (*process.Process, error) {
	log, err := process.OpenLog(f.path(name + ".log"))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	f.onClose(func() { log.Close() })
	own, err := f.clock(name)
	if err != nil {
		return nil, err
	}
	env = append(env, clock.Env+"="+own.Path)
	return process.New(name, log, func() *exec.Cmd {
		cmd := exec.Command(binary, args...) //nolint:noctx // Supervise ends it
		cmd.Env = append(append(os.Environ(), "GOMAXPROCS=2"), env...)
		return cmd
	}), nil
}
