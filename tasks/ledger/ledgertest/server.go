package ledgertest

import (
	"net/url"
	"strings"
	"testing"
)

// Server is a PostgreSQL for one test, which the test can stop and start again. Its methods fail the test on an error.
type Server struct {
	tb      testing.TB
	process *Process
}

// StartPostgres starts a server, which ends with the test. Postgres is faster, for a test that does not stop the server.
func StartPostgres(tb testing.TB) *Server {
	tb.Helper()
	p, err := Launch("")
	return serve(tb, p, err)
}

func serve(tb testing.TB, p *Process, err error) *Server {
	tb.Helper()
	if err != nil {
		tb.Fatalf("start PostgreSQL: %v", err)
	}
	tb.Cleanup(func() {
		if err := p.Close(); err != nil {
			tb.Error(err)
		}
	})
	return &Server{tb: tb, process: p}
}

// URL is the ledger's URL on this server, the same after a restart.
func (s *Server) URL() string { return s.process.URL() }

// Start starts the server, and returns when it answers.
func (s *Server) Start() {
	s.tb.Helper()
	if err := s.process.Start(); err != nil {
		s.tb.Fatalf("start PostgreSQL: %v", err)
	}
}

// Stop ends the server with all connections, and returns when it is gone. Its data stay.
func (s *Server) Stop() {
	s.tb.Helper()
	if err := s.process.Stop(); err != nil {
		s.tb.Error(err)
	}
}

// Standby starts a server that repeats what this one writes, and ends with the test.
func (s *Server) Standby() *Server {
	s.tb.Helper()
	p, err := s.process.Standby()
	return serve(s.tb, p, err)
}

// SwitchOver ends the server, makes its standby the primary, and starts the server again as the standby of that one.
func (s *Server) SwitchOver(standby *Server) {
	s.tb.Helper()
	s.Stop()
	if err := standby.process.Promote(); err != nil {
		s.tb.Fatalf("promote PostgreSQL: %v", err)
	}
	if err := s.process.Demote(standby.process); err != nil {
		s.tb.Fatalf("demote PostgreSQL: %v", err)
	}
}

// Both is the ledger's URL with two servers, of which one is the primary.
func (s *Server) Both(other *Server) string {
	return strings.Replace(s.URL(), url.QueryEscape(s.process.dir), url.QueryEscape(s.process.dir+","+other.process.dir), 1)
}
