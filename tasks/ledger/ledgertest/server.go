package ledgertest

import "testing"

// Server is a PostgreSQL for one test, which the test can stop and start again. Its methods fail the test on an error.
type Server struct {
	tb      testing.TB
	process *Process
}

// StartPostgres starts a server, which ends with the test. Postgres is faster, for a test that does not stop the server.
func StartPostgres(tb testing.TB) *Server {
	tb.Helper()
	p, err := Launch("")
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
