package taskstest

import (
	"os"
	"os/exec"
	"testing"
)

// Tool returns the path of a program that only some tests need. Without it the test is skipped and says why; with
// CI=true in the environment it fails, so that nothing is left out unseen.
func Tool(tb testing.TB, name string) string {
	tb.Helper()
	path, err := exec.LookPath(name)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		tb.Fatalf("%s is needed: `make test` as root on Debian installs it (%v)", name, err)
	default:
		tb.Skipf("%s is needed and not here (%v)", name, err)
	}
	return path
}
