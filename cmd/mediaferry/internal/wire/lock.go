package wire

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

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/config"
)

// lockFile of the data dir is locked by the process that works on it, and names it.
const lockFile = "owner.lock"

// Lock is the right to run the embedded belt of one data dir. The kernel drops it with the process, however that ends.
type Lock struct{ file *os.File }

// TryLock locks the data dir, which it makes if need be. Where another process has it, it returns nil and the holder.
func TryLock(dataDir string) (*Lock, string, error) {
	if err := MakeDataDir(dataDir); err != nil {
		return nil, "", err
	}
	path := filepath.Join(dataDir, lockFile)
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
	if err := errors.Join(f.Truncate(0), writeHolder(f)); err != nil {
		f.Close()
		return nil, "", fmt.Errorf("write lock of the data dir: %w", err)
	}
	return &Lock{f}, "", nil
}

// Holder has a share of the lock for an instant: so TryLock tries again when the lock is not free.
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

// Holder returns which process has locked the data dir, and whether any has. It does not lock it.
func Holder(dataDir string) (holder string, locked bool, err error) {
	f, err := os.Open(filepath.Join(dataDir, lockFile))
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

// MakeDataDir makes the folder that keeps ledger, keys and secrets, for this user alone.
func MakeDataDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return exit.Usagef("make data dir: %w: set data_dir (MEDIAFERRY_DATA_DIR) to a folder that this user may write", err)
	}
	return nil
}

func writeHolder(f *os.File) error {
	_, err := fmt.Fprintf(f, "process %d (%s)\n", os.Getpid(), strings.Join(os.Args[:min(2, len(os.Args))], " "))
	return err
}

// Unlock lets the data dir go at once, also where a program that is just being started has the file yet.
func (l *Lock) Unlock() {
	_ = unix.Flock(int(l.file.Fd()), unix.LOCK_UN)
	l.file.Close()
}

// LockDataDir locks the data dir for a command that can't do without it. Call unlock at the end. With a shared Redis
// there is nothing to lock.
func LockDataDir(cfg config.Config) (unlock func(), err error) {
	if cfg.RedisURL != config.Embedded {
		return func() {}, nil
	}
	l, holder, err := TryLock(cfg.DataDir)
	switch {
	case err != nil:
		return nil, err
	case l == nil:
		return nil, exit.Usagef("the data dir %s is in use by %s: stop it first, choose another data_dir (MEDIAFERRY_DATA_DIR), or set redis_url (MEDIAFERRY_REDIS_URL) to share the work", cfg.DataDir, holder)
	}
	return l.Unlock, nil
}
