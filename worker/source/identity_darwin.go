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
	return stamp{changed: time.Unix(st.Ctimespec.Unix()), inode: st.Ino, device: uint64(st.Dev)}, true
}

// keepsChangeTimes knows the file systems that have a ctime; others may answer with the mtime.
func keepsChangeTimes(path string) (bool, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return false, err
	}
	var name []byte
	for _, c := range s.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	switch string(name) {
	case "apfs", "hfs", "nfs", "smbfs":
		return true, nil
	}
	return false, nil
}
