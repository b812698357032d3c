package source

import (
	"io/fs"
	"syscall"
	"time"
)

func stampOf(info fs.FileInfo) (stamp, bool) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, false
	}
	return stamp{changed: time.Unix(st.Ctim.Unix()), inode: st.Ino, device: st.Dev}, true
}

// File systems that answer with the mtime where they have no ctime: FAT and exFAT always, FUSE where what is behind it
// (SFTP, object storage) has none.
const (
	fat   = 0x4d44
	exfat = 0x2011bab0
	fuse  = 0x65735546
)

func keepsChangeTimes(path string) (bool, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return false, err
	}
	switch uint32(s.Type) { //nolint:gosec // magic numbers have 32 bits
	case fat, exfat, fuse:
		return false, nil
	}
	return true, nil
}
