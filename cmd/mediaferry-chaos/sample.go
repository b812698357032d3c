package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// sample is what one process held at one time. What is not known of it is 0.
type sample struct {
	At         time.Time `json:"at"`
	Process    string    `json:"process"`
	Goroutines int64     `json:"goroutines,omitzero"`
	Files      int64     `json:"files,omitzero"`  // open file descriptors
	Memory     int64     `json:"memory,omitzero"` // resident bytes; Redis: what it uses for data; ledger: its size
}

// The samples that are of no mediaferry process.
const (
	sampleRedis  = "redis"
	sampleLedger = "ledger"
)

// Samples are taken so often that a quarter of a run has many, and not so often that taking them is a load.
const (
	samplesOfRun            = 200
	mostOften, leastOften   = 250 * time.Millisecond, 5 * time.Second
	watcher                 = "watcher" // the name of the key that reads metrics
	goroutinesMetric        = "go_goroutines "
	sampleTime              = 2 * time.Second // for one question
	statusMemory, usedLabel = "VmRSS:", "used_memory:"
)

func (l leg) sampleEvery() time.Duration {
	return min(max(l.Duration/samplesOfRun, mostOften), leastOften)
}

// sample takes samples of the whole fleet until ctx ends. What does not answer is left out.
func (f *field) sample(ctx context.Context) (all []sample) {
	tick := time.NewTicker(f.sampleEvery())
	defer tick.Stop()
	for {
		for _, p := range append(append([]*process(nil), f.workers...), f.serves...) {
			if s, err := f.sampleProcess(ctx, p); err == nil {
				all = append(all, s)
			}
		}
		if n, err := f.redisMemory(ctx); err == nil {
			all = append(all, sample{At: time.Now(), Process: sampleRedis, Memory: n})
		}
		if n, err := f.ledgerSize(ctx); err == nil {
			all = append(all, sample{At: time.Now(), Process: sampleLedger, Memory: n})
		}
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
	}
}

func (f *field) sampleProcess(ctx context.Context, p *process) (sample, error) {
	s := sample{At: time.Now(), Process: p.name}
	pid := p.running()
	if pid == 0 {
		return s, errGone
	}
	dir := filepath.Join("/proc", strconv.Itoa(pid))
	open, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		return s, err
	}
	s.Files = int64(len(open))
	status, err := os.ReadFile(filepath.Join(dir, "status"))
	if err != nil {
		return s, err
	}
	kilobytes, err := valueAfter(status, statusMemory)
	s.Memory = kilobytes * kib
	s.Goroutines, _ = f.goroutines(ctx, p.name) // not every process serves metrics
	return s, err
}

func (f *field) goroutines(ctx context.Context, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.metrics[name]+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+f.watchKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		return 0, err
	}
	return valueAfter(text.Bytes(), goroutinesMetric)
}

func (f *field) redisMemory(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	text, err := f.redis.client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	return valueAfter([]byte(text), usedLabel)
}

// ledgerSize is what the ledger takes on the disk, its log included.
func (f *field) ledgerSize(ctx context.Context) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	if f.postgres != nil {
		conn, err := pgx.Connect(ctx, postgresURL(f.postgres.addr()))
		if err != nil {
			return 0, err
		}
		err = conn.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&n)
		return n, errors.Join(err, conn.Close(ctx))
	}
	for _, end := range []string{"", "-wal"} {
		info, err := os.Stat(f.path("ledger/ledger.db" + end))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return 0, err
		}
		if err == nil {
			n += info.Size()
		}
	}
	return n, nil
}

// valueAfter finds the line that begins with label, and reads the number behind it.
func valueAfter(text []byte, label string) (int64, error) {
	in := bufio.NewScanner(bytes.NewReader(text))
	for in.Scan() {
		if rest, ok := strings.CutPrefix(in.Text(), label); ok {
			if words := strings.Fields(rest); len(words) > 0 {
				return strconv.ParseInt(words[0], 10, 64)
			}
		}
	}
	return 0, fmt.Errorf("there is no %q", label)
}
