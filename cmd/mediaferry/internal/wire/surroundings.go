package wire

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// surroundings are what this process can tell of where it runs.
func (s *Stack) surroundings() enqueue.Surroundings {
	w := &warnings{stack: s}
	out := enqueue.Surroundings{Warnings: w.list}
	if s.Belt != nil {
		out.Queues = s.queues
	}
	return out
}

func (s *Stack) queues(ctx context.Context) ([]tasks.Queue, error) {
	states, err := s.Belt.Queues(ctx)
	if err != nil {
		return nil, err
	}
	var qs []tasks.Queue
	for _, q := range states {
		qs = append(qs, tasks.Queue{Name: q.Name, Pending: q.Pending, Active: q.Active, Oldest: q.Latency.Seconds(), Paused: q.Paused})
	}
	return qs, nil
}

// warnings are those of the doctor that a running process can find out in a moment. They are looked for every half minute at
// most.
type warnings struct {
	stack  *Stack
	mu     sync.Mutex
	looked time.Time
	last   []string
}

const (
	warningsAge  = 30 * time.Second
	warningsTime = 2 * time.Second // that Redis may take
)

func (w *warnings) list(ctx context.Context) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.looked) > warningsAge {
		w.last, w.looked = nil, time.Now()
		for _, found := range w.stack.lookForTrouble(ctx) {
			w.last = append(w.last, found.Error())
		}
	}
	return w.last
}

func (s *Stack) lookForTrouble(ctx context.Context) []error {
	ctx, cancel := context.WithTimeout(ctx, warningsTime)
	defer cancel()
	found := s.Config.Warnings()
	if free, low, err := LowDisk(s.Config.DataDir); err == nil && low {
		found = append(found, tasks.Textf("%s are free where the data dir lies: make room, on a full disk nothing is accepted", humanize.IBytes(free)))
	}
	if s.Belt == nil || s.Embedded {
		return found
	}
	of, err := s.Belt.Check(ctx)
	if err != nil {
		return append(found, err)
	}
	found = append(found, of...)
	if paused, err := s.Belt.Paused(ctx); err == nil && len(paused) > 0 {
		found = append(found, tasks.Textf("somebody paused %s in Redis, what is in there waits: %s", strings.Join(paused, ", "), enqueue.Resume(paused)))
	}
	return found
}

// leastDisk is how much of the data dir's disk should be free: less fills up within hours of a busy day, and then nothing more
// is accepted.
const leastDisk = 512 << 20

// LowDisk returns how much room there is where a folder lies, and whether that is little.
func LowDisk(dir string) (free uint64, low bool, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false, err
	}
	free = s.Bavail * uint64(s.Bsize)
	return free, free < leastDisk, nil
}

// fullDisk is how much room a ledger needs to write at all.
const fullDisk = 64 << 10

// FullDisk returns the folder of the ledger's file, and whether its disk is full. A ledger in PostgreSQL has none.
func (s *Stack) FullDisk() (dir string, full bool) {
	path, isFile := LedgerFile(s.Config)
	if !isFile {
		return "", false
	}
	dir = filepath.Dir(path)
	free, _, err := LowDisk(dir)
	return dir, err == nil && free < fullDisk
}
