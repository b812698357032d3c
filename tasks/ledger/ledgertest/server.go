package ledgertest

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"
)

// Server is a PostgreSQL of a test's own, which can be stopped and started again.
type Server struct {
	tb    testing.TB
	dir   string
	bin   string
	input io.Closer // the server runs until it ends
	ended chan struct{}
}

// rerun is the script for a server whose data outlive it.
const rerun = `
[ -d "$1/data" ] || initdb -D "$1/data" -A trust -U "$2" -E UTF8 --locale=C --no-sync >"$1/log" 2>&1 || exit 1
postgres -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off -c shared_buffers=16MB >>"$1/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
`

// StartPostgres starts a server, which ends with the test. Use Postgres where it need not be stopped: that is faster.
func StartPostgres(tb testing.TB) *Server {
	tb.Helper()
	bin, err := binaries()
	if err != nil {
		tb.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "mfpg") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{tb: tb, dir: dir, bin: bin}
	tb.Cleanup(func() {
		s.Stop()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	s.Start()
	return s
}

// URL is the ledger's URL on this server, the same after a restart.
func (s *Server) URL() string { return address(s.dir, "public") }

// Start starts the server, and returns when it answers.
func (s *Server) Start() {
	s.tb.Helper()
	if s.input != nil {
		return
	}
	if err := s.start(); err != nil {
		s.tb.Fatalf("start PostgreSQL: %v", err)
	}
}

func (s *Server) start() error {
	cmd := exec.Command("sh", "-c", rerun, "sh", s.dir, owner) //nolint:noctx // it ends with its input
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "PATH="+s.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C")
	if os.Geteuid() == 0 {
		var err error
		if cmd.SysProcAttr, err = other(s.dir); err != nil {
			return err
		}
	}
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, input.Close())
	}
	s.input, s.ended = input, make(chan struct{})
	go func() {
		defer close(s.ended)
		_ = cmd.Wait() // its log tells more
	}()
	return answers(s.dir, s.ended)
}

// Stop ends the server with all connections, and returns when it is gone. Its data stay.
func (s *Server) Stop() {
	s.tb.Helper()
	if s.input == nil {
		return
	}
	if err := s.input.Close(); err != nil {
		s.tb.Error(err)
	}
	<-s.ended
	s.input = nil
}
