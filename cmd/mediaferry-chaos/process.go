package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is one child that is started again whenever it ends, as a service manager would do, unless it ended well
// or is held down. Its methods are safe for concurrent use.
type process struct {
	name    string
	command func() *exec.Cmd // a new one for each start
	log     io.Writer        // stdout and stderr of every life

	mu     sync.Mutex
	pid    int           // 0: not running
	ended  chan struct{} // closed when the life of pid is over
	held   bool          // not to be started
	frozen bool          // stands still
	done   bool          // ended well, or for good
	wake   chan struct{}
	lives  int
	exits  []processExit
	gone   chan struct{} // closed when supervise returned
}

// processExit is an end that nobody here asked for.
type processExit struct {
	Process string    `json:"process"`
	At      time.Time `json:"at"`
	Status  string    `json:"status"`
}

// restartPause is how long a service manager waits before it starts a process again.
const restartPause = 300 * time.Millisecond

func newProcess(name string, log io.Writer, command func() *exec.Cmd) *process {
	return &process{name: name, command: command, log: log, wake: make(chan struct{}, 1), gone: make(chan struct{})}
}

// supervise runs it until ctx ends, which kills it.
func (p *process) supervise(ctx context.Context) {
	defer close(p.gone)
	// The kernel kills a child when the thread that started it ends: this one stays.
	runtime.LockOSThread()
	for ctx.Err() == nil {
		if p.wants() {
			p.live(ctx)
		}
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-time.After(restartPause):
		}
	}
}

func (p *process) wants() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.held && !p.done
}

// live is one life.
func (p *process) live(ctx context.Context) {
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = p.log, p.log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	childAttr(cmd.SysProcAttr)
	p.mu.Lock()
	if p.held {
		p.mu.Unlock()
		return
	}
	err := cmd.Start()
	ended := make(chan struct{})
	if err == nil {
		p.pid, p.ended = cmd.Process.Pid, ended
		p.lives++
	}
	p.mu.Unlock()
	if err != nil {
		fmt.Fprintf(p.log, "start %s: %v\n", p.name, err)
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // it may be gone
	err = cmd.Wait()
	stop()
	p.over(ctx, err)
	close(ended)
}

func (p *process) over(ctx context.Context, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = 0
	switch {
	case err == nil && !p.held:
		p.done = true
	case err != nil && !p.held && ctx.Err() == nil:
		p.exits = append(p.exits, processExit{p.name, time.Now(), err.Error()})
	}
}

var errGone = errors.New("it does not run")

var errNotRunning = errors.New("none runs that could be struck")

// signal sends sig to it. The child is waited for only after pid was cleared, so that no stranger can be hit.
func (p *process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return fmt.Errorf("%s: %w", p.name, errGone)
	}
	return syscall.Kill(p.pid, sig)
}

// down ends it with sig and keeps it down until up. It returns when it is gone; one that outlives patience is killed.
func (p *process) down(sig syscall.Signal, patience time.Duration) error {
	p.mu.Lock()
	p.held = true
	pid, ended := p.pid, p.ended
	p.mu.Unlock()
	if pid == 0 {
		return fmt.Errorf("%s: %w", p.name, errGone)
	}
	if err := p.signal(sig); err != nil {
		return nil //nolint:nilerr // it ended by itself meanwhile
	}
	select {
	case <-ended:
		return nil
	case <-time.After(patience):
	}
	_ = p.signal(syscall.SIGKILL) // it may be gone
	<-ended
	return fmt.Errorf("%s did not end within %v of %v", p.name, patience, sig)
}

// up lets it start again.
func (p *process) up() {
	p.mu.Lock()
	p.held = false
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

func (p *process) running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

func (p *process) finished() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

func (p *process) unasked() []processExit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]processExit(nil), p.exits...)
}

// appendFile opens a log that every life of a process adds to.
func appendFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}

// freeze makes it stand still until thaw. down works on a process that stands still.
func (p *process) freeze() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = true
	return nil
}

// thaw ends freeze, also for a process that is no more.
func (p *process) thaw() error {
	p.mu.Lock()
	p.frozen = false
	p.mu.Unlock()
	_ = p.signal(syscall.SIGCONT) // it may be gone
	return nil
}

func (p *process) stopped() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen || p.held
}
