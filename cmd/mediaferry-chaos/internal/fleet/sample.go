package fleet

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

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
)

// A run has about samplesOfRun samples of each process: many in each quarter, and few enough to be no load.
const (
	samplesOfRun            = 200
	mostOften, leastOften   = 250 * time.Millisecond, 5 * time.Second
	metricsReader           = "watcher" // name of the key that reads metrics
	goroutinesMetric        = "go_goroutines "
	sampleTime              = 2 * time.Second // for one sample
	statusMemory, usedLabel = "VmRSS:", "used_memory:"
)

// sampleEvery is the time between two samples.
func sampleEvery(run scenario.Run) time.Duration {
	return min(max(run.Duration/samplesOfRun, mostOften), leastOften)
}

// Sample takes samples of the whole fleet until ctx ends. It leaves out what does not answer.
func (f *Fleet) Sample(ctx context.Context) (all []history.Sample) {
	tick := time.NewTicker(sampleEvery(f.Run))
	defer tick.Stop()
	for {
		for _, p := range append(append([]*process.Process(nil), f.Workers...), f.Serves...) {
			if s, err := f.sampleProcess(ctx, p); err == nil {
				all = append(all, s)
			}
		}
		if n, err := f.redisMemory(ctx); err == nil {
			all = append(all, history.Sample{At: time.Now(), Process: history.SampleRedis, Memory: n})
		}
		if n, err := f.ledgerSize(ctx); err == nil {
			all = append(all, history.Sample{At: time.Now(), Process: history.SampleLedger, Memory: n})
		}
		select {
		case <-ctx.Done():
			return all
		case <-tick.C:
		}
	}
}

func (f *Fleet) sampleProcess(ctx context.Context, p *process.Process) (history.Sample, error) {
	s := history.Sample{At: time.Now(), Process: p.Name}
	pid := p.PID()
	if pid == 0 {
		return s, process.ErrGone
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
	s.Memory = kilobytes * scenario.KiB
	s.Goroutines, _ = f.goroutines(ctx, p.Name) // not every process serves metrics
	return s, err
}

func (f *Fleet) goroutines(ctx context.Context, name string) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.metrics[name]+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+f.metricsKey)
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

func (f *Fleet) redisMemory(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	text, err := f.Rdb.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	return valueAfter([]byte(text), usedLabel)
}

// ledgerSize is the size of the ledger on disk, its log included.
func (f *Fleet) ledgerSize(ctx context.Context) (n int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, sampleTime)
	defer cancel()
	if f.Postgres != nil {
		conn, err := pgx.Connect(ctx, f.Postgres.URL())
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

// valueAfter returns the number after label, in the line that begins with label.
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
