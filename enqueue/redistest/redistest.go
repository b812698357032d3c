// Package redistest starts a real redis-server for a test, and lets the test stop, kill, freeze and restart it. It also
// starts clusters, and servers that sentinels watch.
//
// It needs the binary redis-server on the PATH; a test fails without it, since a skipped test proves nothing.
package redistest

import (
	"testing"

	"github.com/redis/go-redis/v9"
)

// Server is one redis-server on a loopback port of its own, with a temporary directory of its own.
// Its methods fail the test when something goes wrong. They are for one goroutine at a time.
type Server struct {
	tb      testing.TB
	process *Process
}

// Start starts a server that lives as long as the test. It keeps nothing on disk unless args say so,
// as in Start(t, "--appendonly", "yes"). args are redis-server's own and come last, so they win.
func Start(tb testing.TB, args ...string) *Server {
	tb.Helper()
	return serve(tb)(Launch(tb.TempDir(), args...))
}

// StartTLS is Start for a server that takes connections over TLS only, from clients whose certificate ca has signed. The
// three name files in PEM.
func StartTLS(tb testing.TB, cert, key, ca string, args ...string) *Server {
	tb.Helper()
	args = append([]string{"--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", ca}, args...)
	return serve(tb)(launch(&Process{dir: tb.TempDir(), tls: true, ready: answers, args: args}, false))
}

// serve makes what was launched a server that lives as long as the test.
func serve(tb testing.TB) func(*Process, error) *Server {
	return func(p *Process, err error) *Server {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = p.Close() }) // it may be gone already
		return &Server{tb: tb, process: p}
	}
}

// Addr returns host:port. It stays the same over Restart.
func (s *Server) Addr() string { return s.process.Addr() }

// URL returns redis://host:port/0.
func (s *Server) URL() string { return s.process.URL() }

// Client returns a new client of database 0 that is closed with the test. It gives up when a call's ctx does.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.Addr(), ContextTimeoutEnabled: true})
	s.tb.Cleanup(func() { _ = c.Close() })
	return c
}

// Stop ends the server as an operator would: it saves what it was told to save. It returns when the process is gone.
func (s *Server) Stop() {
	s.tb.Helper()
	s.must(s.process.Stop())
}

// Kill ends the server as a crash would. It returns when the process is gone.
func (s *Server) Kill() {
	s.tb.Helper()
	s.must(s.process.Kill())
}

// Freeze makes the server answer nothing while its connections stay open, until Thaw.
func (s *Server) Freeze() {
	s.tb.Helper()
	s.must(s.process.Freeze())
}

// Thaw ends Freeze.
func (s *Server) Thaw() {
	s.tb.Helper()
	s.must(s.process.Thaw())
}

// Restart starts it again on the same port and directory, after ending it with Kill if it still runs.
func (s *Server) Restart() {
	s.tb.Helper()
	s.must(s.process.Kill())
	s.must(s.process.Start())
}

func (s *Server) must(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}
