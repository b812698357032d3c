package taskstest

import (
	"os"
	"os/exec"
	"testing"
)

// FullTool is Tool for a program that only make full installs: with SIZE=full in the environment, as make full sets it, it is
// needed; elsewhere the test is skipped without it.
func FullTool(tb testing.TB, name string) string {
	tb.Helper()
	if os.Getenv("SIZE") == "full" {
		return Tool(tb, name)
	}
	path, err := exec.LookPath(name)
	if err != nil {
		tb.Skipf("%s is not here (%v)", name, err)
	}
	return path
}

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
