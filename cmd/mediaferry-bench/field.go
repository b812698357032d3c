package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// field is what all rounds share: the files, a Redis and a sink.
type field struct {
	options
	dir       string
	binary    string // the product
	redis     *redis.Client
	redisAddr string
	sink      string // its URL
	children  []*exec.Cmd
}

func newField(ctx context.Context, o options) (_ *field, err error) {
	f := &field{options: o}
	defer func() {
		if err != nil {
			f.close()
		}
	}()
	if f.dir, err = os.MkdirTemp("", "mediaferry-bench-"); err != nil {
		return nil, err
	}
	if err := f.writeFiles(); err != nil {
		return nil, err
	}
	f.binary = filepath.Join(f.dir, "mediaferry")
	build := exec.CommandContext(ctx, "go", "build", "-o", f.binary, "github.com/mediaferry/mediaferry/cmd/mediaferry")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build mediaferry: %w\n%s", err, out)
	}
	if err := f.startRedis(ctx); err != nil {
		return nil, err
	}
	return f, f.startSink(ctx)
}

func (f *field) close() {
	for _, c := range f.children {
		_ = c.Process.Kill() // it may have ended by itself
		_ = c.Wait()
	}
	os.RemoveAll(f.dir)
}

func (f *field) media() string { return filepath.Join(f.dir, "media") }

func (f *field) writeFiles() error {
	if err := os.Mkdir(f.media(), 0o755); err != nil {
		return err
	}
	for i := range f.files {
		if err := os.WriteFile(filepath.Join(f.media(), fileName(i)), mediatest.Distinct(i, tasks.Image, f.size), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func fileName(i int) string { return fmt.Sprintf("%06d.jpg", i) }

func (f *field) startRedis(ctx context.Context) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.redisAddr = l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(f.redisAddr)
	c := exec.CommandContext(ctx, "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", f.dir)
	if err := f.start(c); err != nil {
		return fmt.Errorf("start redis-server (make test installs it): %w", err)
	}
	f.redis = redis.NewClient(&redis.Options{Addr: f.redisAddr})
	return poll(ctx, 10*time.Second, func() bool { return f.redis.Ping(ctx).Err() == nil })
}

func (f *field) start(c *exec.Cmd) error {
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := c.Start(); err != nil {
		return err
	}
	f.children = append(f.children, c)
	return nil
}

// startSink starts the sink as a child and reads its address from it.
func (f *field) startSink(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	c := exec.CommandContext(ctx, self, "-role", "sink")
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := f.start(c); err != nil {
		return err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	f.sink = strings.TrimSpace(line)
	return err
}

// round runs one way once, on an empty Redis and an empty data dir.
func (f *field) round(ctx context.Context, w way) (measure, error) {
	if err := errors.Join(f.redis.FlushAll(ctx).Err(), f.redis.ConfigResetStat(ctx).Err(), f.resetSink(ctx)); err != nil {
		return measure{}, err
	}
	if w.prepare != nil {
		if err := w.prepare(ctx, f); err != nil {
			return measure{}, err
		}
	}
	if err := f.redis.ConfigResetStat(ctx).Err(); err != nil {
		return measure{}, err
	}
	c := w.command(ctx, f)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return measure{}, err
	}
	var s sinkState
	err := poll(ctx, 5*time.Minute, func() bool {
		s = f.askSink(ctx)
		return s.Count >= f.files
	})
	m := measure{rate: float64(f.files-1) / s.Last.Sub(s.First).Seconds(), commands: f.commands(ctx)}
	_ = c.Process.Signal(syscall.SIGTERM) // the loop has ended by itself
	_ = c.Wait()
	m.used(c.ProcessState)
	return m, err
}

// used notes what a process that has ended took.
func (m *measure) used(p *os.ProcessState) {
	m.cpu = p.UserTime() + p.SystemTime()
	if u, ok := p.SysUsage().(*syscall.Rusage); ok {
		m.peak = u.Maxrss << 10
	}
}

// commands is how many commands Redis ran, scripts' inner ones not counted.
func (f *field) commands(ctx context.Context) int {
	info, err := f.redis.Info(ctx, "commandstats").Result()
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

func (f *field) resetSink(ctx context.Context) error {
	_, err := f.call(ctx, "/reset")
	return err
}

func (f *field) askSink(ctx context.Context) sinkState {
	s, _ := f.call(ctx, "/state") // the next poll asks again
	return s
}

func (f *field) call(ctx context.Context, path string) (s sinkState, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.sink+path, nil)
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

// poll asks every 50 ms until done, or the limit is over.
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
