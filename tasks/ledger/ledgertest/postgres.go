// Package ledgertest gives tests real databases for a ledger, as net/http/httptest gives them a real server:
// a PostgreSQL of their own, started from the binaries on this machine, or an SQLite file.
package ledgertest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// SQLite returns the URL of a ledger in a file of its own, which is removed after the test.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return "sqlite:" + filepath.Join(tb.TempDir(), "ledger.db")
}

// EmptyPostgres returns the URL of an empty schema of its own, which no other test has had or will have: for tests that
// change the schema, or look at what the server has counted. The first call starts a server for the whole test binary, on
// a socket in a temporary directory. The server ends with the binary, even if that is killed, and its schemas with it. On
// a machine without PostgreSQL the test fails.
func EmptyPostgres(tb testing.TB) string {
	tb.Helper()
	dir := running(tb)
	schema := unique()
	if err := execute(address(dir, "public"), "CREATE SCHEMA "+schema); err != nil {
		tb.Fatalf("make a schema: %v", err)
	}
	return address(dir, schema)
}

// Database returns the URL of an empty database of its own on the same server, which PostgreSQL's own programs take too.
func Database(tb testing.TB) string {
	tb.Helper()
	dir, name := running(tb), unique()
	if err := execute(address(dir, "public"), "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("make a database: %v", err)
	}
	return "postgres:///" + name + "?" + url.Values{"host": {dir}, "user": {owner}}.Encode()
}

// running returns the directory of the socket of the server for all tests.
func running(tb testing.TB) string {
	tb.Helper()
	dir, err := server()
	if err != nil {
		tb.Fatalf("start PostgreSQL for the tests: %v", err)
	}
	return dir
}

func unique() string { return "t_" + strings.ToLower(rand.Text()) }

const owner = "mediaferry"

// address is the URL of a schema. Its connections are known to the server by the name of the schema.
func address(dir, schema string) string {
	q := url.Values{"host": {dir}, "user": {owner}, "search_path": {schema}, "application_name": {schema}}
	return "postgres:///postgres?" + q.Encode()
}

func execute(url, sql string) error {
	ctx := context.Background() // a database that hangs is found by the deadline of the tests
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, sql)
	return errors.Join(err, conn.Close(ctx))
}

// cluster is the command that makes the data of a new server. initdb takes ten times as long as a copy: in the folder that
// LEDGERTEST_CLUSTER names, the first of a test run leaves one to all others.
const cluster = `
cluster() { # DATA OWNER
	shared=$LEDGERTEST_CLUSTER
	if [ -n "$shared" ] && [ -d "$shared/data" ]; then
		cp -R "$shared/data" "$1"
		return
	fi
	initdb -D "$1" -A trust -U "$2" -E UTF8 --locale=C --no-sync || return
	if [ -n "$shared" ] && mkdir "$shared/mine" 2>/dev/null; then
		cp -R "$1" "$shared/mine/data" && mv "$shared/mine/data" "$shared/data"
	fi
}
`

// script runs the server until its standard input ends, which it does when the test's process is gone.
const script = cluster + `
cluster "$1/data" "$2" >"$1/log" 2>&1 || exit 1
postgres -D "$1/data" -k "$1" -c listen_addresses= -c fsync=off -c full_page_writes=off -c max_connections=500 \
  -c shared_buffers=64MB -c deadlock_timeout=50ms -c autovacuum=off >>"$1/log" 2>&1 &
server=$!
cat >/dev/null
kill -INT $server
wait $server
rm -rf "$1"
`

var server = sync.OnceValues(start)

// start starts the server and returns the directory of its socket.
func start() (string, error) {
	bin, err := binaries()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "mfpg")
	if err != nil {
		return "", err
	}
	cmd := exec.Command("sh", "-c", script, "sh", dir, owner) //nolint:noctx // it lives as long as this process
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "LC_ALL=C")
	if os.Geteuid() == 0 { // initdb refuses to run as root
		if cmd.SysProcAttr, err = other(dir); err != nil {
			return "", err
		}
	}
	if _, err := cmd.StdinPipe(); err != nil { // held open for as long as this process lives
		return "", err
	}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // its log tells more
	}()
	return dir, answers(dir, filepath.Join(dir, "log"), ended)
}

// answers waits until the server answers or has ended. The file log says why it ended.
func answers(dir, log string, ended <-chan struct{}) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := execute(address(dir, "public"), "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
			continue
		case <-ended:
		}
		text, _ := os.ReadFile(log)
		return fmt.Errorf("the server does not answer: %w\n%s", err, text)
	}
}

// binaries finds the directory of initdb and postgres, the newest version first.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		return "", err
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if p, err := exec.LookPath("postgres"); err == nil {
		found = append(found, p)
	}
	for _, p := range found {
		if p, err = filepath.EvalSymlinks(p); err != nil {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(p), "initdb")); err == nil {
			return filepath.Dir(p), nil
		}
	}
	return "", errors.New("there are no initdb and postgres on this machine: make test installs them (Debian: apt-get install postgresql)")
}

func version(path string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return n
}

// other returns another user who can run the server, and makes that user the owner of dir.
func other(dir string) (*syscall.SysProcAttr, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.Atoi(u.Uid)
		if err != nil {
			return nil, err
		}
		gid, err := strconv.Atoi(u.Gid)
		if err != nil {
			return nil, err
		}
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
		return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
	}
	return nil, errors.New("there is neither a user postgres nor a user nobody to run it as")
}
