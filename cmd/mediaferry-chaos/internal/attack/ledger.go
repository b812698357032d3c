package attack

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/disk"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/fleet"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/process"
)

func ledgerAttacks() []*Attack {
	length := between(300*time.Millisecond, 1500*time.Millisecond)
	return []*Attack{
		{Name: "ledger-full", about: "the disk of the SQLite file is full", ledger: "sqlite", length: length, inject: fullDisk},
		{Name: "ledger-restart", about: "PostgreSQL stopped in good order and started again", ledger: "postgres", length: length,
			inject: func(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
				return effect{target: "postgres", revert: reverting(f.Postgres.Start)}, f.Postgres.Stop()
			}},
		{Name: "ledger-crash", about: "PostgreSQL ended at once, as by a crash, and started again", ledger: "postgres", length: length,
			inject: func(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
				return effect{target: "postgres", revert: reverting(f.Postgres.Start)}, f.Postgres.Crash()
			}},
		{Name: "ledger-freeze", about: "PostgreSQL's parent process stands still: no new connections", ledger: "postgres", length: length,
			inject: func(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
				return effect{target: "postgres", revert: reverting(f.Postgres.Thaw)}, f.Postgres.Freeze()
			}},
	}
}

// fullDisk fills the disk of an SQLite ledger to its last byte. If the ledger has no disk of its own, it limits the size
// of files that processes may write instead: SQLite gets the same errors.
func fullDisk(_ context.Context, f *fleet.Fleet, _ *rand.Rand) (effect, error) {
	if f.Run.Disk == 0 {
		return limitAll(f)
	}
	ballast := f.Ballast()
	return effect{target: fmt.Sprintf("a disk of %d MiB", f.Run.Disk>>20), revert: reverting(func() error { return os.Remove(ballast) })}, disk.Fill(ballast)
}

// limitAll limits the files of every running process to one page, so that SQLite's log can't grow. It leaves processes
// alone that start later.
func limitAll(f *fleet.Fleet) (effect, error) {
	const page = 4096
	limited := map[int]bool{}
	var failed error
	for _, p := range slices.Concat(f.Workers, f.Serves, f.Producers) {
		pid := p.PID()
		if pid == 0 {
			continue
		}
		if err := process.LimitFiles(pid, page); err != nil {
			failed = errors.Join(failed, fmt.Errorf("limit %s: %w", p.Name, err))
			continue
		}
		limited[pid] = true
	}
	lift := func() error {
		for pid := range limited {
			_ = process.LimitFiles(pid, process.Unlimited) // it may be gone
		}
		return nil
	}
	if len(limited) == 0 {
		return effect{}, errors.Join(process.ErrNotRunning, failed)
	}
	return effect{target: fmt.Sprintf("RLIMIT_FSIZE of %d processes", len(limited)), revert: reverting(lift)}, nil
}
