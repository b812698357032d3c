// Package disk gives a folder a small disk of its own, and fills it.
package disk

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Mount mounts a disk of size bytes on dir. Only root may.
func Mount(dir string, size int64) error {
	return unix.Mount("mediaferry-chaos", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, fmt.Sprintf("size=%d", size))
}

// Unmount removes the disk of dir at once, even if processes still use it.
func Unmount(dir string) error { return unix.Unmount(dir, unix.MNT_DETACH) }

// Fill takes all free bytes of a disk with the file at path.
func Fill(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	var s unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &s); err != nil {
		return fmt.Errorf("ask for free space: %w", err)
	}
	// This takes most of them in one step. Other writers may be faster with the rest.
	err = unix.Fallocate(int(f.Fd()), 0, 0, int64(s.Bfree)*s.Bsize)
	if err != nil && !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("fill disk: %w", err)
	}
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("fill disk: it takes ever more: %w", err)
	}
	return nil
}

// zeros is an endless reader of zeros.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}
