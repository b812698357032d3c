package ledgertest

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Pooler starts a PgBouncer in front of the server of ledger, and returns the ledger's URL through it. The pooler ends with
// the test. mode is its pool_mode. It opens size connections to the server at most. It drops the search_path of a URL: see
// Role. Without PgBouncer on the machine the test is skipped.
func Pooler(tb testing.TB, ledger, mode string, size int) string {
	tb.Helper()
	program := taskstest.Tool(tb, "pgbouncer")
	u := parse(tb, ledger)
	q := u.Query()
	dir, err := os.MkdirTemp("", "mfpb") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })
	ini := filepath.Join(dir, "ini")
	text := fmt.Sprintf("[databases]\n* = host=%s user=%s\n[pgbouncer]\nunix_socket_dir = %s\nlisten_port = 6432\nauth_type = any\n"+
		"pool_mode = %s\ndefault_pool_size = %d\nignore_startup_parameters = search_path,extra_float_digits\n", q.Get("host"), q.Get("user"), dir, mode, size)
	if err := os.WriteFile(ini, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	args := []string{ini}
	if os.Geteuid() == 0 { // it refuses to run as root, and the server's socket is for its owner
		args = []string{"-u", keeper(tb, q.Get("host")), ini}
		if err := os.Chmod(dir, 0o777); err != nil {
			tb.Fatal(err)
		}
	}
	c := exec.CommandContext(context.WithoutCancel(tb.Context()), program, args...)
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		if tb.Failed() {
			tb.Log(out.String())
		}
	})
	taskstest.Until(tb, "the pooler answers", func() bool { // its socket is there before it listens
		conn, err := net.Dial("unix", filepath.Join(dir, ".s.PGSQL.6432")) //nolint:noctx // it answers or refuses at once
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	q.Set("host", dir)
	q.Set("port", "6432")
	u.RawQuery = q.Encode()
	return u.String()
}

// keeper is the user who owns a directory.
func keeper(tb testing.TB, dir string) string {
	tb.Helper()
	fi, err := os.Stat(dir)
	if err != nil {
		tb.Fatal(err)
	}
	u, err := user.LookupId(fmt.Sprint(fi.Sys().(*syscall.Stat_t).Uid))
	if err != nil {
		tb.Fatal(err)
	}
	return u.Username
}
