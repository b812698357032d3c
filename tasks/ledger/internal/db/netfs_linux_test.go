package db

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNetworkFileSystemsAreKnown(t *testing.T) {
	t.Parallel()
	if kind, err := networkFS(t.TempDir()); kind != "" || err != nil {
		t.Errorf("the temporary directory is on %q, %v", kind, err)
	}
	if _, err := networkFS(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("a directory that is not there: %v, want %v", err, fs.ErrNotExist)
	}
	const mounts = `22 1 0:20 / / rw - ext4 /dev/sda1 rw
23 22 0:21 / /mnt/far rw,nosuid shared:1 - fuse.sshfs host:/ rw
24 22 0:22 / /mnt/far/near rw - fuse.ntfs-3g /dev/sdb rw
nonsense
`
	for dir, want := range map[string]string{
		"/mnt/far": "fuse.sshfs", "/mnt/far/deep/er": "fuse.sshfs", "/mnt/far/near/x": "", "/mnt/farther": "", "/": "",
	} {
		if got := fuseKind(bufio.NewScanner(strings.NewReader(mounts)), dir); got != want {
			t.Errorf("%s is on %q, want %q", dir, got, want)
		}
	}
}
