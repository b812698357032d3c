package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisServer is a redis-server that stays on one port and one directory over its restarts.
type redisServer struct {
	*process
	dir    string
	port   int
	client *redis.Client
}

func newRedis(dir string, aof bool) (*redisServer, error) {
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, errors.New("redis-server is not on the PATH: `make test` installs it, or: apt-get install redis-server")
	}
	dir = filepath.Join(dir, "redis")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	log, err := appendFile(filepath.Join(dir, "redis.log"))
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	s := &redisServer{dir: dir}
	if s.port, err = freePort(); err != nil {
		return nil, err
	}
	appendonly := "no"
	if aof {
		appendonly = "yes"
	}
	s.process = newProcess("redis", log, func() *exec.Cmd {
		return exec.Command(binary, "--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", dir, "--save", "", //nolint:noctx // supervise ends it
			"--appendonly", appendonly, "--appendfsync", "everysec", "--daemonize", "no")
	})
	s.client = redis.NewClient(&redis.Options{Addr: s.addr(), ContextTimeoutEnabled: true})
	return s, nil
}

func (s *redisServer) addr() string { return "127.0.0.1:" + strconv.Itoa(s.port) }

// answers waits until it does.
func (s *redisServer) answers(ctx context.Context) error {
	return untilNil(ctx, time.Minute, func() error { return s.client.Ping(ctx).Err() })
}

// loseFiles removes what it had written. Call it while it is down.
func (s *redisServer) loseFiles() error { return os.RemoveAll(filepath.Join(s.dir, "appendonlydir")) }

func (s *redisServer) kill() error { return s.down(syscall.SIGKILL, 5*time.Second) }

// untilNil repeats try until it succeeds, and returns its last error when the time is over.
func untilNil(ctx context.Context, limit time.Duration, try func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(30 * time.Millisecond):
		}
	}
}
