package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"syscall"
	"time"
)

func ledgerAttacks() []*attack {
	length := between(300*time.Millisecond, 1500*time.Millisecond)
	return []*attack{
		{name: "ledger-full", about: "the disk of the SQLite file is full", ledger: "sqlite", length: length, strike: fullDisk},
		{name: "ledger-restart", about: "PostgreSQL stopped in good order and started again", ledger: "postgres", length: length,
			strike: stopPostgres(syscall.SIGINT)},
		{name: "ledger-crash", about: "PostgreSQL ended at once, as by a crash, and started again", ledger: "postgres", length: length,
			strike: stopPostgres(syscall.SIGQUIT)},
		{name: "ledger-freeze", about: "PostgreSQL's parent process stands still: no new connections", ledger: "postgres", length: length,
			strike: func(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
				return wound{what: "postgres", heal: heals(f.postgres.thaw)}, f.postgres.freeze()
			}},
	}
}

// stopPostgres: SIGINT is its fast shutdown, SIGQUIT its immediate one, after which it recovers from its log.
func stopPostgres(sig syscall.Signal) func(context.Context, *field, *rand.Rand) (wound, error) {
	return func(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
		return wound{what: "postgres", heal: func(ctx context.Context) error {
			f.postgres.up()
			return f.postgres.answers(ctx)
		}}, f.postgres.down(sig, 10*time.Second)
	}
}

// fullDisk fills the disk of an SQLite ledger to its last byte. Where it could not be given one of its own, the right
// to write is taken from processes instead, which SQLite can't tell from a full disk.
func fullDisk(_ context.Context, f *field, _ *rand.Rand) (wound, error) {
	if f.Disk == 0 {
		return f.limitAll()
	}
	ballast := f.path("ledger/ballast")
	return wound{what: fmt.Sprintf("a disk of %d MiB", f.Disk>>20), heal: heals(func() error { return os.Remove(ballast) })}, fillDisk(ballast)
}

// limitAll takes from every process that is there the right to make a file longer than a page, so that SQLite's log
// can't grow. Processes that start meanwhile are well.
func (f *field) limitAll() (wound, error) {
	const page = 4096
	limited := map[int]bool{}
	var failed error
	for _, p := range slices.Concat(f.workers, f.serves, f.producers) {
		pid := p.running()
		if pid == 0 {
			continue
		}
		if err := limitFiles(pid, page); err != nil {
			failed = errors.Join(failed, fmt.Errorf("limit %s: %w", p.name, err))
			continue
		}
		limited[pid] = true
	}
	heal := func() error {
		for pid := range limited {
			_ = limitFiles(pid, unlimited) // it may be gone
		}
		return nil
	}
	if len(limited) == 0 {
		return wound{}, errors.Join(errNotRunning, failed)
	}
	return wound{what: fmt.Sprintf("RLIMIT_FSIZE of %d processes", len(limited)), heal: heals(heal)}, nil
}
