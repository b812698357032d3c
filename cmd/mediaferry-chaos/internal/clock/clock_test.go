package clock

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// telling prints the seconds of its clock and of its monotonic clock, once for each line that it reads.
const telling = `package main

import (
	"syscall"
	"time"
)

func main() {
	start := time.Now()
	for b := make([]byte, 1); ; {
		if n, _ := syscall.Read(0, b); n < 1 {
			return
		}
		println(time.Now().Unix(), int(time.Since(start).Seconds()))
	}
}
`

// A process that is built with the overlay goes by a clock that can be set while it runs. What it measures stays right.
func TestClockOfAProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, err := Overlay(dir)
	if err != nil {
		t.Fatal(err)
	}
	source, program := filepath.Join(dir, "main.go"), filepath.Join(dir, "telling")
	if err := os.WriteFile(source, []byte(telling), 0o644); err != nil {
		t.Fatal(err)
	}
	if text, err := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "-o", program, source).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	c, err := New(filepath.Join(dir, "clock"))
	if err != nil {
		t.Fatal(err)
	}
	ask := start(t, program, Env+"="+c.Path)
	for _, skew := range []time.Duration{0, 5 * time.Hour, -3 * time.Hour, 0} {
		if err := c.Set(skew); err != nil {
			t.Fatal(err)
		}
		at, elapsed := ask()
		if off := at.Sub(time.Now().Add(skew)).Abs(); off > time.Hour || elapsed > time.Hour {
			t.Errorf("set wrong by %v: it is %v off, %v have passed", skew, off, elapsed)
		}
		if off := c.Now().Sub(time.Now().Add(skew)).Abs(); off > time.Hour {
			t.Errorf("set wrong by %v: who is given the clock is %v off", skew, off)
		}
	}
}

// start starts the program and returns how to ask it for its time.
func start(t *testing.T, program, env string) func() (time.Time, time.Duration) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = append(os.Environ(), env)
	in, errIn := cmd.StdinPipe()
	out, errOut := cmd.StderrPipe() // where println prints
	if errIn != nil || errOut != nil {
		t.Fatal(errIn, errOut)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	return func() (time.Time, time.Duration) {
		t.Helper()
		if _, err := fmt.Fprintln(in); err != nil || !lines.Scan() {
			t.Fatal("it does not answer:", err, lines.Err())
		}
		words := strings.Fields(lines.Text())
		if len(words) != 2 {
			t.Fatalf("it says %q", words)
		}
		at, errAt := strconv.ParseInt(words[0], 10, 64)
		elapsed, err := strconv.Atoi(words[1])
		if errAt != nil || err != nil {
			t.Fatal(errAt, err)
		}
		return time.Unix(at, 0), time.Duration(elapsed) * time.Second
	}
}
