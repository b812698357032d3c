package main

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

// The processes under attack are built with a standard library whose time.Now adds a skew that is read from a file.
// So every wall clock in them jumps, as it does when somebody sets the machine's, and nothing in the product knows.

//go:embed clock_overlay.txt
var clockSource []byte

// clockEnv names the file of a process's skew.
const clockEnv = "CHAOS_CLOCK"

// overlay writes into dir what makes go build use the clock that can be wrong, and returns its -overlay file.
func overlay(dir string) (string, error) {
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

// clock is the wall clock of one child process.
type clock struct{ path string }

func newClock(path string) (clock, error) {
	c := clock{path}
	return c, c.set(0)
}

// set makes the process's clock wrong by whole seconds, from now on and in its later lives.
func (c clock) set(skew time.Duration) error {
	f, err := os.OpenFile(c.path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("set clock: %w", err)
	}
	_, err = f.Write(binary.NativeEndian.AppendUint64(nil, uint64(skew/time.Second)))
	return errors.Join(err, f.Close())
}

// now is the time by that clock, for those who are given theirs. A clock that can't be read is right.
func (c clock) now() time.Time {
	now := time.Now()
	if b, err := os.ReadFile(c.path); err == nil && len(b) == 8 {
		now = now.Add(time.Duration(int64(binary.NativeEndian.Uint64(b))) * time.Second)
	}
	return now
}
