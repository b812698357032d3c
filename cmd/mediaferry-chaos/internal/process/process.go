// Package process supervises one child process, as a service manager does, and lets attacks end, freeze and limit it.
package process

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

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

// Process is one child process. It is started again whenever it ends with an error, unless it is held down. Its methods
// are safe for concurrent use.
type Process struct {
	Name    string
	command func() *exec.Cmd // makes the command of each start
	log     io.Writer        // gets stdout and stderr

	mu     sync.Mutex
	pid    int           // 0: it does not run
	ended  chan struct{} // closed when pid has ended
	held   bool          // it must not be started
	frozen bool
	done   bool // it has ended without an error
	wake   chan struct{}
	exits  []history.Exit
	Gone   chan struct{} // closed when Supervise has returned
}

// RestartPause is the pause before a process is started again.
const RestartPause = 300 * time.Millisecond

// New makes a process that Supervise starts. It writes stdout and stderr to log.
func New(name string, log io.Writer, command func() *exec.Cmd) *Process {
	return &Process{Name: name, command: command, log: log, wake: make(chan struct{}, 1), Gone: make(chan struct{})}
}

// Supervise starts the process, again and again, until ctx ends. Then it kills the process.
func (p *Process) Supervise(ctx context.Context) {
	defer close(p.Gone)
	// The kernel kills a child when the thread that started it ends. A locked thread stays.
	runtime.LockOSThread()
	for ctx.Err() == nil {
		if p.wants() {
			p.live(ctx)
		}
		select {
		case <-ctx.Done():
		case <-p.wake:
		case <-time.After(RestartPause):
		}
	}
}

func (p *Process) wants() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.held && !p.done
}

// live starts the process and waits for its end.
func (p *Process) live(ctx context.Context) {
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
	}
	p.mu.Unlock()
	if err != nil {
		fmt.Fprintf(p.log, "start %s: %v\n", p.Name, err)
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) // it may be gone
	err = cmd.Wait()
	stop()
	p.over(ctx, err)
	close(ended)
}

func (p *Process) over(ctx context.Context, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pid = 0
	switch {
	case err == nil && !p.held:
		p.done = true
	case err != nil && !p.held && ctx.Err() == nil:
		p.exits = append(p.exits, history.Exit{Process: p.Name, At: time.Now(), Status: err.Error()})
	}
}

// ErrGone means that the process does not run.
var ErrGone = errors.New("it does not run")

// ErrNotRunning means that no process runs that an attack could hit.
var ErrNotRunning = errors.New("no process runs that could be hit")

// signal sends sig to the process.
func (p *Process) signal(sig syscall.Signal) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pid == 0 {
		return fmt.Errorf("%s: %w", p.Name, ErrGone)
	}
	return syscall.Kill(p.pid, sig)
}

// Down ends the process with sig, and keeps it down until Up. It returns when the process is gone. After the timeout it
// kills the process and returns an error.
func (p *Process) Down(sig syscall.Signal, timeout time.Duration) error {
	p.mu.Lock()
	p.held = true
	pid, ended := p.pid, p.ended
	p.mu.Unlock()
	if pid == 0 {
		return fmt.Errorf("%s: %w", p.Name, ErrGone)
	}
	if err := p.signal(sig); err != nil {
		return nil //nolint:nilerr // it has ended by itself
	}
	select {
	case <-ended:
		return nil
	case <-time.After(timeout):
	}
	_ = p.signal(syscall.SIGKILL) // it may be gone
	<-ended
	return fmt.Errorf("%s did not end within %v of %v", p.Name, timeout, sig)
}

// Up lets the process start again after Down.
func (p *Process) Up() {
	p.mu.Lock()
	p.held = false
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// PID returns the process ID, 0 when the process does not run.
func (p *Process) PID() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

// Finished reports whether the process has ended without an error.
func (p *Process) Finished() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// Exits lists the ends of the process that nothing here asked for.
func (p *Process) Exits() []history.Exit {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]history.Exit(nil), p.exits...)
}

// OpenLog opens a file to append to it.
func OpenLog(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
}

// Freeze stops the process with SIGSTOP until Thaw. Down ends a frozen process too.
func (p *Process) Freeze() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = true
	return nil
}

// Thaw ends Freeze. It is no error when the process is gone.
func (p *Process) Thaw() error {
	p.mu.Lock()
	p.frozen = false
	p.mu.Unlock()
	_ = p.signal(syscall.SIGCONT) // it may be gone
	return nil
}

// Held reports whether an attack has the process frozen or down.
func (p *Process) Held() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frozen || p.held
}
