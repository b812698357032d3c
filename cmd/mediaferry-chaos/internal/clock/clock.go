// Package clock gives child processes wall clocks that can be set wrong while they run.
//
// Build a process with Overlay: its time.Now then adds a skew, which it reads from a file. All its wall clocks jump, as when
// somebody sets the machine's clock, and no code of the product knows. The monotonic clock stays right.
package clock

import (
	"bytes"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

//go:embed overlay.txt
var clockSource []byte

// Env is the environment variable with the path of a process's clock.
const Env = "CHAOS_CLOCK"

// Overlay writes into dir what a build with such a clock needs, and returns the file for go build -overlay.
func Overlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output() //nolint:noctx // it takes a moment
	if err != nil {
		return "", fmt.Errorf("find Go's own sources: %w", err)
	}
	clocks := filepath.Join(string(bytes.TrimSpace(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(clocks, "time.go"))
	if err != nil {
		return "", fmt.Errorf("read Go's own clock: %w", err)
	}
	renamed := bytes.Replace(source, []byte("\nfunc Now() Time {"), []byte("\nfunc rightNow() Time {"), 1)
	if bytes.Equal(source, renamed) {
		return "", errors.New("this version of Go keeps its clock elsewhere: leave the clock attacks out with -attacks")
	}
	files := map[string][]byte{"time.go": renamed, "skew.go": clockSource}
	replace := map[string]string{}
	for name, text := range files {
		path := filepath.Join(dir, "clock-"+name)
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return "", fmt.Errorf("write clock: %w", err)
		}
		replace[filepath.Join(clocks, name)] = path
	}
	b, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "clock.json")
	return path, os.WriteFile(path, b, 0o644)
}

// Clock is the wall clock of one process. Path is the file with its skew.
type Clock struct{ Path string }

// New makes a clock, in a new file, that is right.
func New(path string) (Clock, error) {
	c := Clock{path}
	return c, c.Set(0)
}

// Set sets the clock wrong by skew, in whole seconds, for processes that run and for those that start later.
func (c Clock) Set(skew time.Duration) error {
	f, err := os.OpenFile(c.Path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	_, err = f.Write(binary.NativeEndian.AppendUint64(nil, uint64(skew/time.Second)))
	return errors.Join(err, f.Close())
}

// Now returns the time of that clock, for code that takes a clock as a function. A clock that can't be read is right.
func (c Clock) Now() time.Time {
	now := time.Now()
	if b, err := os.ReadFile(c.Path); err == nil && len(b) == 8 {
		now = now.Add(time.Duration(int64(binary.NativeEndian.Uint64(b))) * time.Second)
	}
	return now
}
