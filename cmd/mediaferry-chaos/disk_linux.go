package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// mountDisk makes dir a disk of its own, of so many bytes. Only root may.
func mountDisk(dir string, size int64) error {
	return unix.Mount("mediaferry-chaos", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d", size))
}

// unmountDisk takes it away at once, whoever still uses it.
func unmountDisk(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }

// fillDisk leaves no byte free on the disk of path, a file that takes them all.
func fillDisk(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return fmt.Errorf("look at disk: %w", err)
	}
	// Most of it in one step; who writes meanwhile takes some of what was free.
	err = unix.Fallocate(int(f.Fd()), 0, 0, int64(s.Bfree)*s.Bsize)
	if err != nil && !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("fill disk: %w", err)
	}
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("fill disk: it takes ever more: %w", err)
	}
	return nil
}

// zeros is a file without end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
