// Package npmtest runs programs for Node.js in tests, with packages of npm at hand that know nothing of ours: what they
// get along with has the shape that it should have.
package npmtest

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// Clients are two widely used WeChat clients, which are installed together.
const Clients = "co-wechat-api@3.11.0 wechat-api@1.35.1"

// installing serializes the installation among the tests of this process.
var installing sync.Mutex //nolint:gochecknoglobals // guards a folder that all tests share

// Run runs a script with node, in the folder it lies in, and returns what it printed. packages are those it asks for, as
// name@version with a space between two. They are fetched from npm the first time and kept in the user's cache folder.
func Run(t testing.TB, packages, script string, args ...string) string {
	t.Helper()
	script, err := filepath.Abs(script)
	if err != nil {
		t.Fatal(err)
	}
	modules := "NODE_PATH=" + filepath.Join(install(t, packages), "node_modules")
	return run(t, filepath.Dir(script), []string{modules}, "node", append([]string{script}, args...)...)
}

// Package returns the folder node_modules with packages in it, as Run gives them to a script.
func Package(t testing.TB, packages string) string {
	t.Helper()
	return filepath.Join(install(t, packages), "node_modules")
}

// install returns a folder whose node_modules holds the packages. The folder is made whole before it gets its name, so
// that test processes don't meet each other's halves.
func install(t testing.TB, packages string) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	final := filepath.Join(cache, "mediaferry-test", strings.NewReplacer("/", "_", " ", "_").Replace(packages))
	if _, err := os.Stat(final); err == nil {
		return final
	}
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		t.Fatal(err)
	}
	fresh, err := os.MkdirTemp(filepath.Dir(final), "installing-") //nolint:usetesting // must be on the same file system to be renamed
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(fresh)
	run(t, fresh, nil, "npm", append([]string{"install", "--no-audit", "--no-fund", "--prefix", fresh}, strings.Fields(packages)...)...)
	if err := os.Rename(fresh, final); err != nil {
		if _, made := os.Stat(final); made != nil {
			t.Fatal(err)
		}
	}
	return final
}

// run runs a program.
func run(t testing.TB, dir string, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(taskstest.Context(t), taskstest.Tool(t, name), args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	out, err := cmd.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		t.Fatalf("%s: %v\n%s%s", name, err, out, failed.Stderr)
	} else if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(out)
}
