package ledgertest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Process is a PostgreSQL of its own. Its data outlive the server. It serves programs that are not tests: its methods
// return errors. Only one goroutine may use it at a time.
type Process struct {
	dir   string // of its data and its socket
	bin   string
	log   string
	set   []string  // settings as arguments
	input io.Closer // the server runs until it ends; nil: it does not run
	ended chan struct{}
}

// launched runs the server until its standard input ends, which it does when its parent is gone.
const launched = cluster + `
[ -d "$1/data" ] || cluster "$1/data" "$2" || exit 1
dir=$1
shift 2
postgres -D "$dir/data" -k "$dir" -c listen_addresses= -c fsync=off -c max_connections=200 -c shared_buffers=32MB "$@" &
server=$!
cat >/dev/null
kill -INT $server
wait $server
`

// Launch starts a server on a socket in a temporary directory, and returns when it answers. It appends what the server
// prints to the file log; empty: to a file beside the data. It does not sync to disk, unless one of the settings, each as
// name=value, says so. The caller closes it; it also ends with the caller's process.
func Launch(log string, settings ...string) (*Process, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mfpg") // the path of a socket must be short
	if err != nil {
		return nil, err
	}
	if log == "" {
		log = filepath.Join(dir, "log")
	}
	p := &Process{dir: dir, bin: bin, log: log}
	for _, s := range settings {
		p.set = append(p.set, "-c", s)
	}
	if err := p.Start(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// Standby starts a server that repeats what this one writes, and returns when it answers. The caller closes it.
func (p *Process) Standby() (*Process, error) {
	dir, err := os.MkdirTemp("", "mfpg")
	if err != nil {
		return nil, err
	}
	s := &Process{dir: dir, bin: p.bin, log: filepath.Join(dir, "log")}
	if err := s.follow(p); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Demote makes a server that has ended a standby of another one, which was its standby, and starts it.
func (p *Process) Demote(primary *Process) error {
	if err := os.RemoveAll(filepath.Join(p.dir, "data")); err != nil {
		return err
	}
	return p.follow(primary)
}

// follow copies the data of a primary, and starts as its standby.
func (p *Process) follow(primary *Process) error {
	cmd := exec.Command(filepath.Join(p.bin, "pg_basebackup"), "-D", filepath.Join(p.dir, "data"), "-h", primary.dir, "-U", owner, "-R", "-X", "stream", "-c", "fast", "--no-sync") //nolint:noctx // the test's deadline ends it
	cmd.Dir = p.dir
	if os.Geteuid() == 0 {
		var err error
		if cmd.SysProcAttr, err = other(p.dir); err != nil {
			return err
		}
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pg_basebackup: %w: %s", err, out)
	}
	return p.Start()
}

// Promote makes a standby the primary, and returns when it is.
func (p *Process) Promote() error { return execute(p.URL(), "SELECT pg_promote()") }

// URL is the ledger's URL on this server, the same after a restart.
func (p *Process) URL() string { return address(p.dir, "public") }

// Schema makes an empty schema, and returns the URL of a ledger there.
func (p *Process) Schema() (string, error) {
	schema := "t_" + strings.ToLower(rand.Text())
	return address(p.dir, schema), execute(p.URL(), "CREATE SCHEMA "+schema)
}

// Socket is the path of the Unix socket that the server listens on.
func (p *Process) Socket() string { return filepath.Join(p.dir, ".s.PGSQL.5432") }

// Owner is the database user that owns everything. It has no password.
func (p *Process) Owner() string { return owner }

// Start starts a server that has ended, and returns when it answers. It does nothing if the server runs.
func (p *Process) Start() error {
	if p.input != nil {
		return nil
	}
	cmd := exec.Command("sh", append([]string{"-c", launched, "sh", p.dir, owner}, p.set...)...) //nolint:noctx // it ends with its input
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "PATH="+p.bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C")
	if os.Geteuid() == 0 {
		var err error
		if cmd.SysProcAttr, err = other(p.dir); err != nil {
			return err
		}
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the server has its own
	cmd.Stdout, cmd.Stderr = log, log
	input, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, input.Close())
	}
	ended := make(chan struct{})
	p.input, p.ended = input, ended
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its log tells more
	}()
	return answers(p.dir, p.log, ended)
}

// Stop ends the server with all connections, and returns when it is gone. Its data stay.
func (p *Process) Stop() error {
	if p.input == nil {
		return nil
	}
	err := p.input.Close()
	<-p.ended
	p.input = nil
	return err
}

// Crash ends the server at once, as a crash would, and returns when it is gone. Its data stay; the next Start recovers
// them from the server's log.
func (p *Process) Crash() error { return errors.Join(p.signal(syscall.SIGQUIT), p.Stop()) }

// Freeze suspends the server's parent process until Thaw. The server accepts no new connection; its connections stay.
func (p *Process) Freeze() error { return p.signal(syscall.SIGSTOP) }

// Thaw ends Freeze.
func (p *Process) Thaw() error { return p.signal(syscall.SIGCONT) }

// Close ends the server and removes its data.
func (p *Process) Close() error {
	if p.input != nil {
		_ = p.Thaw() // a frozen one would never end; it may be gone
	}
	return errors.Join(p.Stop(), os.RemoveAll(p.dir))
}

// signal sends sig to the server's parent process, which names itself in a file.
func (p *Process) signal(sig syscall.Signal) error {
	b, err := os.ReadFile(filepath.Join(p.dir, "data", "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("signal PostgreSQL: %w", err)
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(line)
	if err != nil {
		return fmt.Errorf("signal PostgreSQL: %w", err)
	}
	return syscall.Kill(pid, sig)
}
