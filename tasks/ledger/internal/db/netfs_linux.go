package db

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const magicFUSE = 0x65735546

// networkMagic has the names of network file systems by the magic number that statfs(2) returns.
var networkMagic = map[int64]string{
	0x6969:     "nfs",
	0x517b:     "smb",
	0xff534d42: "cifs",
	0xfe534d42: "smb2",
	0x01021997: "9p",
	0x5346414f: "afs",
	0x00c36400: "ceph",
	0x0bd00bd0: "lustre",
}

// networkFUSE has the names of network file systems on FUSE. Local file systems on FUSE have the same magic number.
var networkFUSE = []string{"sshfs", "s3fs", "rclone", "gcsfuse", "goofys", "glusterfs", "ceph", "davfs", "cifs", "smbnetfs", "ossfs", "cosfs", "juicefs"}

// networkFS returns the kind of network file system that dir is on, and "" if it is on a local one.
func networkFS(dir string) (string, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "", err
	}
	magic := int64(uint32(st.Type))
	if magic != magicFUSE {
		return networkMagic[magic], nil
	}
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return "", nil // FUSE of an unknown kind: it may be local
	}
	defer f.Close()
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return fuseKind(bufio.NewScanner(f), abs), nil
}

// fuseKind finds the mount of dir in the lines of mountinfo. It returns the mount's type if that is a network file system.
func fuseKind(mounts *bufio.Scanner, dir string) string {
	best, kind := "", ""
	for mounts.Scan() {
		before, after, ok := strings.Cut(mounts.Text(), " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(rest) == 0 {
			continue
		}
		at := fields[4]
		inside := at == "/" || dir == at || strings.HasPrefix(dir, at+"/")
		if inside && len(at) >= len(best) {
			best, kind = at, rest[0]
		}
	}
	for _, n := range networkFUSE {
		if strings.HasPrefix(strings.TrimPrefix(kind, "fuse."), n) {
			return kind
		}
	}
	return ""
}
