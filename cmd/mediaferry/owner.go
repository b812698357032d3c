package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mediaferry/mediaferry/config"
)

// owner is the right to run the embedded belt of one data dir: a lock that the kernel drops with the process,
// however it ends.
type owner struct{ file *os.File }

// own takes the data dir, which it makes if need be, or returns nil and who has it.
func own(dataDir string) (*owner, string, error) {
	if err := makeDataDir(dataDir); err != nil {
		return nil, "", err
	}
	path := filepath.Join(dataDir, "owner.lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("open lock of the data dir: %w", err)
	}
	err = lock(f)
	if errors.Is(err, unix.EWOULDBLOCK) {
		who, _ := os.ReadFile(path) // only for the message
		f.Close()
		return nil, strings.TrimSpace(string(who)), nil
	}
	if err != nil {
		f.Close()
		return nil, "", fmt.Errorf("lock the data dir: %w", err)
	}
	if err := errors.Join(f.Truncate(0), writeOwner(f)); err != nil {
		f.Close()
		return nil, "", fmt.Errorf("write lock of the data dir: %w", err)
	}
	return &owner{f}, "", nil
}

// Who only looks at the lock has a share of it for an instant: a lock that is not free is tried again so often.
const (
	lockTries = 10
	lockPause = 10 * time.Millisecond
)

func lock(f *os.File) (err error) {
	for range lockTries {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if !errors.Is(err, unix.EWOULDBLOCK) {
			break
		}
		time.Sleep(lockPause)
	}
	return err
}

// ownerOf returns who has the data dir, and whether anybody has, without taking it.
func ownerOf(dataDir string) (who string, owned bool, err error) {
	f, err := os.Open(filepath.Join(dataDir, "owner.lock"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("open lock of the data dir: %w", err)
	}
	defer f.Close()
	switch err := unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB); {
	case err == nil:
		return "", false, nil
	case !errors.Is(err, unix.EWOULDBLOCK):
		return "", false, fmt.Errorf("look at the lock of the data dir: %w", err)
	}
	text, err := io.ReadAll(f)
	return strings.TrimSpace(string(text)), true, err
}

// makeDataDir makes the folder that keeps ledger, keys and secrets, for this user alone.
func makeDataDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return usagef("make data dir: %w: set data_dir (MEDIAFERRY_DATA_DIR) to a folder that this user may write", err)
	}
	return nil
}

func writeOwner(f *os.File) error {
	_, err := fmt.Fprintf(f, "process %d (%s)\n", os.Getpid(), strings.Join(os.Args[:min(2, len(os.Args))], " "))
	return err
}

func (o *owner) release() { o.file.Close() }

// hold takes the data dir for a command that can't do without, until release is called. With a shared Redis there is
// nothing to take.
func hold(cfg config.Config) (release func(), err error) {
	if cfg.RedisURL != embedded {
		return func() {}, nil
	}
	o, who, err := own(cfg.DataDir)
	switch {
	case err != nil:
		return nil, err
	case o == nil:
		return nil, usagef("the data dir %s is in use by %s: stop it first, choose another data_dir, or set redis_url to share the work", cfg.DataDir, who)
	}
	return o.release, nil
}
