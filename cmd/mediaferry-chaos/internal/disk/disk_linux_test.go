package disk

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// A disk of its own is full to the last byte, and well again when the ballast is gone.
func TestDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := Mount(dir, 1<<20)
	if os.Geteuid() != 0 || errors.Is(err, unix.EPERM) {
		t.Logf("no disk of its own here: %v", err)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Unmount(dir); err != nil {
			t.Error(err)
		}
	})
	ballast, file := filepath.Join(dir, "ballast"), filepath.Join(dir, "file")
	if err := Fill(ballast); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o644); !errors.Is(err, unix.ENOSPC) {
		t.Errorf("writing to a full disk: %v", err)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("x"), 0o644); err != nil {
		t.Error(err)
	}
}
