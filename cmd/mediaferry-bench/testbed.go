package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
)

// testbed is what all runs share: the files, a Redis and a sink.
type testbed struct {
	options
	dir      string
	binary   string            // path of mediaferry
	sums     map[string]string // SHA-256 of the files, by name
	postgres *ledgertest.Process

	// Of the contender at work:
	working   string // its binary
	ledgerURL string
	address   string // of its console
	embedded  bool
	server    *redistest.Process
	redis     *redis.Client
	sink      string // URL
	children  []*exec.Cmd
}

func newTestbed(ctx context.Context, o options) (_ *testbed, err error) {
	t := &testbed{options: o}
	defer func() {
		if err != nil {
			t.close()
		}
	}()
	if t.dir, err = os.MkdirTemp("", "mediaferry-bench-"); err != nil {
		return nil, err
	}
	if err := t.writeFiles(); err != nil {
		return nil, err
	}
	t.binary = filepath.Join(t.dir, "mediaferry")
	build := exec.CommandContext(ctx, "go", "build", "-o", t.binary, "github.com/mediaferry/mediaferry/cmd/mediaferry")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build mediaferry: %w\n%s", err, out)
	}
	if err := t.startRedis(); err != nil {
		return nil, err
	}
	return t, t.startSink(ctx)
}

func (t *testbed) close() {
	for _, c := range t.children {
		_ = c.Process.Kill() // it may have ended by itself
		_ = c.Wait()
	}
	if t.server != nil {
		_ = t.redis.Close()
		_ = t.server.Close() // it may have ended by itself
	}
	if t.postgres != nil {
		_ = t.postgres.Close() // it may have ended by itself
	}
	os.RemoveAll(t.dir)
}

func (t *testbed) media() string { return filepath.Join(t.dir, "media") }

func (t *testbed) writeFiles() error {
	if err := os.Mkdir(t.media(), 0o755); err != nil {
		return err
	}
	t.sums = map[string]string{}
	for i := range t.files {
		b := t.content(i)
		t.sums[fileName(i)] = sumOf(b)
		if err := os.WriteFile(filepath.Join(t.media(), fileName(i)), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fileName(i int) string { return fmt.Sprintf("%06d.jpg", i) }

func (t *testbed) startRedis() (err error) {
	if t.server, err = redistest.Launch(t.dir); err != nil {
		return fmt.Errorf("start Redis: %w", err)
	}
	t.redis = redis.NewClient(&redis.Options{Addr: t.server.Addr()})
	return nil
}

func (t *testbed) start(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return err
	}
	t.children = append(t.children, c)
	return nil
}

// startSink starts the sink as a child process, which prints its address.
func (t *testbed) startSink(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, self, "-role", "sink", "-latency", t.latency.String(),
		"-slow", fmt.Sprint(t.slow), "-busy", fmt.Sprint(t.busy))
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := t.start(c); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	t.sink = strings.TrimSpace(line)
	return err
}

// run runs one contender once, on an empty Redis and an empty data dir.
func (t *testbed) run(ctx context.Context, c contender) (measurement, error) {
	if err := errors.Join(t.redis.FlushAll(ctx).Err(), t.redis.ConfigResetStat(ctx).Err(), t.resetSink(ctx)); err != nil {
		return measurement{}, err
	}
	if err := t.equip(c); err != nil {
		return measurement{}, err
	}
	if c.prepare != nil {
		if err := c.prepare(ctx, t); err != nil {
			return measurement{}, err
		}
	}
	if err := t.redis.ConfigResetStat(ctx).Err(); err != nil {
		return measurement{}, err
	}
	cmd := c.command(ctx, t)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return measurement{}, err
	}
	if c.beside != nil {
		defer c.beside(ctx, t)()
	}
	var s sinkState
	calls := t.files
	if c.ours() {
		calls = t.contents()
	}
	err := poll(ctx, 5*time.Minute, func() bool {
		s = t.askSink(ctx)
		return s.Count >= calls
	})
	if err == nil && c.ours() {
		var last time.Time
		if last, err = t.verify(ctx); t.repeated > 0 {
			s.Last = last // most files are never sent
		}
	}
	m := measurement{rate: float64(t.files-1) / s.Last.Sub(s.First).Seconds(), commands: t.commands(ctx)}
	_ = cmd.Process.Signal(syscall.SIGTERM) // the loop has ended by itself
	_ = cmd.Wait()
	m.used(cmd.ProcessState)
	return m, err
}

// used adds the CPU time and the memory of a process that has ended.
func (m *measurement) used(p *os.ProcessState) {
	m.cpu = p.UserTime() + p.SystemTime()
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		m.peak = u.Maxrss << 10
	}
}

// commands returns how many commands Redis ran, without those inside of scripts.
func (t *testbed) commands(ctx context.Context) int {
	info, err := t.redis.Info(ctx, "commandstats").Result()
	if err != nil {
		return 0
	}
	n := 0
	for line := range strings.Lines(info) {
		name, rest, _ := strings.Cut(line, ":calls=")
		calls, _, _ := strings.Cut(rest, ",")
		switch name {
		case "cmdstat_evalsha", "cmdstat_eval", "cmdstat_get", "cmdstat_set", "cmdstat_sadd", "cmdstat_publish", "cmdstat_ping":
			k, _ := strconv.Atoi(calls)
			n += k
		}
	}
	return n
}

func (t *testbed) resetSink(ctx context.Context) error {
	_, err := t.call(ctx, "/reset")
	return err
}

func (t *testbed) askSink(ctx context.Context) sinkState {
	s, _ := t.call(ctx, "/state") // the next poll asks again
	return s
}

func (t *testbed) call(ctx context.Context, path string) (s sinkState, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.sink+path, nil)
	if err != nil {
		return s, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	return s, json.NewDecoder(resp.Body).Decode(&s)
}

// poll calls done every 50 ms until it reports true. After limit it returns an error.
func poll(ctx context.Context, limit time.Duration, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}
