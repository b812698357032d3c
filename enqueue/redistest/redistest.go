// Package redistest starts a real redis-server for a test, and lets the test stop, kill, freeze and restart it.
//
// It needs the binary redis-server on the PATH; a test fails without it, since a skipped test proves nothing.
package redistest

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Server is one redis-server on a loopback port of its own, with a temporary directory of its own.
// Its methods fail the test when something goes wrong. They are for one goroutine at a time.
type Server struct {
	tb   testing.TB
	dir  string
	port int
	args []string
	cmd  *exec.Cmd
	gone chan struct{} // closed once the process was waited for
}

// Start starts a server that lives as long as the test. It keeps nothing on disk unless args say so,
// as in Start(t, "--appendonly", "yes"). args are redis-server's own and come last, so they win.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	s := &Server{tb: tb, dir: tb.TempDir(), args: args}
	tb.Cleanup(s.reap)
	const tries = 20 // somebody else may take the port between looking and starting
	for range tries {
		s.port = freePort(tb)
		err := s.start()
		if err == nil {
			return s
		}
		if !errors.Is(err, errPortTaken) {
			tb.Fatal(err)
		}
	}
	tb.Fatalf("redistest: no free port after %d tries", tries)
	return nil
}

// Addr returns host:port. It stays the same over Restart.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns redis://host:port/0.
func (s *Server) URL() string { return "redis://" + s.Addr() + "/0" }

// Client returns a new client of database 0 that is closed with the test. It gives up when a call's ctx does.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), ContextTimeoutEnabled: true})
	s.tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Stop ends the server as an operator would: it saves what it was told to save. It returns when the process is gone.
func (s *Server) Stop() {
	s.tb.Helper()
	s.signal(syscall.SIGTERM)
	<-s.gone
}

// Kill ends the server as a crash would. It returns when the process is gone.
func (s *Server) Kill() {
	s.tb.Helper()
	s.signal(syscall.SIGKILL)
	<-s.gone
}

// Freeze makes the server answer nothing while its connections stay open, until Thaw.
func (s *Server) Freeze() {
	s.tb.Helper()
	s.signal(syscall.SIGSTOP)
}

// Thaw ends Freeze.
func (s *Server) Thaw() {
	s.tb.Helper()
	s.signal(syscall.SIGCONT)
}

// Restart starts it again on the same port and directory, after ending it with Kill if it still runs.
func (s *Server) Restart() {
	s.tb.Helper()
	s.reap()
	if err := s.start(); err != nil {
		s.tb.Fatal(err)
	}
}

var errPortTaken = errors.New("redistest: the port is taken")

// start returns once the server accepts connections.
func (s *Server) start() error {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return errors.New("redistest: redis-server is not on the PATH: `make test` installs it, or: apt-get install redis-server")
	}
	args := slices.Concat([]string{
		"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--loglevel", "notice",
	}, s.args)
	cmd := exec.Command(binary, args...) //nolint:noctx // it lives as long as the test, and reap ends it
	cmd.SysProcAttr = dieWithParent()
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("redistest: start %s: %w", binary, err)
	}
	s.cmd, s.gone = cmd, make(chan struct{})
	said, ready := watch(bufio.NewScanner(out), func() {
		_ = cmd.Wait() // a killed server ends with an error, as it should
		close(s.gone)
	})
	if <-ready {
		return nil
	}
	<-s.gone
	text := said()
	if strings.Contains(text, "Address already in use") {
		return errPortTaken
	}
	return fmt.Errorf("redistest: redis-server ended at once:\n%s", text)
}

// watch reads what the server prints until it ends, then calls ended. ready gets true when the server accepts
// connections, false if it ended before. said returns what was printed until then.
func watch(lines *bufio.Scanner, ended func()) (said func() string, ready <-chan bool) {
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
			if strings.Contains(lines.Text(), "Ready to accept connections") {
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

func (s *Server) signal(sig syscall.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.tb.Fatalf("redistest: %v: %v", sig, err)
	}
}

func (s *Server) reap() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill() // it may be gone already
	<-s.gone
}

// freePort looks below the range that the kernel gives to outgoing connections, so that none of them takes the
// port while the server is down between Kill and Restart.
func freePort(tb testing.TB) int {
	tb.Helper()
	const first, last, tries = 10000, 32000, 200
	for range tries {
		port := first + rand.IntN(last-first)
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))) //nolint:noctx // returns at once
		if err == nil {
			l.Close()
			return port
		}
	}
	tb.Fatalf("redistest: no free port between %d and %d", first, last)
	return 0
}
