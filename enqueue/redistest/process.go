package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

// Process is one redis-server on a loopback port of its own. It serves programs that are no tests: its methods return
// errors. They are for one goroutine at a time.
type Process struct {
	dir   string
	port  int
	bus   int    // the port of its own that each node of a cluster has; 0: it is none
	file  string // the settings file that a sentinel keeps; empty: it is none
	tls   bool   // it takes connections over TLS only
	ready string // what it prints once it answers
	args  []string
	cmd   *exec.Cmd
	gone  chan struct{} // closed once the process was waited for
}

// Launch starts a server that keeps its files and its log, redis.log, in dir. The caller closes it; it also ends with
// the caller's process. It keeps no data on disk unless args say so. args are redis-server's own and come last, so
// they win.
func Launch(dir string, args ...string) (*Process, error) {
	return launch(&Process{dir: dir, ready: answers, args: args}, false)
}

// answers is what a redis-server prints once it answers.
const answers = "Ready to accept connections"

// launchNode is Launch for a node of a cluster.
func launchNode(dir string, args ...string) (*Process, error) {
	return launch(&Process{dir: dir, ready: answers, args: append([]string{"--cluster-enabled", "yes"}, args...)}, true)
}

// launchSentinel is Launch for a sentinel with these settings, to which it adds what it finds out.
func launchSentinel(dir, settings string) (*Process, error) {
	file := filepath.Join(dir, "sentinel.conf")
	if err := os.WriteFile(file, []byte(settings), 0o600); err != nil {
		return nil, fmt.Errorf("redistest: %w", err)
	}
	return launch(&Process{dir: dir, file: file, ready: "Sentinel ID is"}, false)
}

func launch(p *Process, clustered bool) (*Process, error) {
	const tries = 20 // somebody else may take the port between looking and starting
	for range tries {
		var err error
		if p.port, err = freePort(); err != nil {
			return nil, err
		}
		if clustered {
			if p.bus, err = freePort(); err != nil {
				return nil, err
			}
		}
		if err = p.Start(); err == nil {
			return p, nil
		}
		if !errors.Is(err, errPortTaken) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("redistest: no free port after %d tries", tries)
}

// Addr returns host:port. It stays the same over restarts.
func (p *Process) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)) }

// URL returns redis://host:port/0.
func (p *Process) URL() string { return "redis://" + p.Addr() + "/0" }

// Stop ends the server as an operator would: it saves what it was told to save. It returns when the process is gone.
func (p *Process) Stop() error { return p.terminate(syscall.SIGTERM) }

// Kill ends the server as a crash would. It returns when the process is gone.
func (p *Process) Kill() error { return p.terminate(syscall.SIGKILL) }

// Close ends the server, also one that was frozen or has ended.
func (p *Process) Close() error { return p.Kill() }

// Freeze makes the server answer nothing while its connections stay open, until Thaw.
func (p *Process) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

// Running reports whether the server's process lives. A frozen one does.
func (p *Process) Running() bool {
	select {
	case <-p.gone:
		return false
	default:
		return true
	}
}

var errPortTaken = errors.New("redistest: the port is taken")

// Start starts a server that has ended again, on the same port and directory. It returns once the server accepts
// connections.
func (p *Process) Start() error {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redistest: redis-server is not on the PATH: `make test` installs it, or: apt-get install redis-server")
	}
	log, err := os.OpenFile(filepath.Join(p.dir, "redis.log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return fmt.Errorf("redistest: open log: %w", err)
	}
	var args []string
	if p.file != "" {
		args = append(args, p.file, "--sentinel")
	}
	if p.tls {
		args = append(args, "--port", "0", "--tls-port", strconv.Itoa(p.port))
	} else {
		args = append(args, "--port", strconv.Itoa(p.port))
	}
	args = append(args, "--bind", "127.0.0.1", "--dir", p.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "notice")
	if p.bus != 0 {
		args = append(args, "--cluster-port", strconv.Itoa(p.bus))
	}
	args = append(args, p.args...)
	cmd := exec.Command(binary, args...) //nolint:noctx // it ends with Close
	cmd.SysProcAttr = dieWithParent()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return errors.Join(fmt.Errorf("redistest: %w", err), log.Close())
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("redistest: start %s: %w", binary, err), log.Close())
	}
	gone := make(chan struct{})
	p.cmd, p.gone = cmd, gone
	said, ready := watch(bufio.NewScanner(io.TeeReader(out, log)), p.ready, func() {
		_ = cmd.Wait() // a killed server ends with an error, as it should
		log.Close()
		close(gone)
	})
	if <-ready {
		return nil
	}
	<-gone
	text := said()
	if strings.Contains(text, "Address already in use") {
		return errPortTaken
	}
	return fmt.Errorf("redistest: redis-server ended at once:\n%s", text)
}

// watch reads what the server prints until it ends, then calls ended. ready gets true when the server has printed sign,
// false if it ended before. said returns what was printed until then.
func watch(lines *bufio.Scanner, sign string, ended func()) (said func() string, ready <-chan bool) {
	up := make(chan bool, 1)
	var mu sync.Mutex
	var printed strings.Builder
	go func() {
		started := false
		for lines.Scan() {
			if started {
				continue // read on, so that the server never blocks on a full pipe
			}
			mu.Lock()
			fmt.Fprintln(&printed, lines.Text())
			mu.Unlock()
			if strings.Contains(lines.Text(), sign) {
				started = true
				up <- true
			}
		}
		ended()
		if !started {
			up <- false
		}
	}()
	return func() string {
		mu.Lock()
		defer mu.Unlock()
		return printed.String()
	}, up
}

func (p *Process) signal(sig syscall.Signal) error {
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("redistest: %v: %w", sig, err)
	}
	return nil
}

func (p *Process) terminate(sig syscall.Signal) error {
	if err := p.signal(sig); err != nil {
		return err
	}
	<-p.gone
	return nil
}

// freePort looks below the range that the kernel gives to outgoing connections, so that none of them takes the
// port while the server is down.
func freePort() (int, error) {
	const first, last, tries = 10000, 32000, 200
	for range tries {
		port := first + rand.IntN(last-first)
		l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			l.Close()
			return port, nil
		}
	}
	return 0, fmt.Errorf("redistest: no free port between %d and %d", first, last)
}
