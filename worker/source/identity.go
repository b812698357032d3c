package source

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/minio/minio-go/v7"
)

// How long after a change another one may leave the same time: a clock tick of the kernel, or what file systems count in
// that keep whole seconds.
const (
	tick       = 20 * time.Millisecond
	coarseTick = 2 * time.Second
)

// stamp is what the operating system knows of a file beyond fs.FileInfo.
type stamp struct {
	changed time.Time // ctime: nobody can set it
	inode   uint64
	device  uint64
}

// identifier tells what files look like, see tasks.File.Identity. It is safe for concurrent use.
type identifier struct {
	ownTimes sync.Map // device -> bool: its ctime is more than a copy of the mtime
}

// file is the identity of a file below root. It is empty where it would prove nothing: the file system has no ctime of its
// own, or the last change is so young that the next one could leave the same time.
func (i *identifier) file(root *os.Root, name string, info fs.FileInfo, now time.Time) string {
	s, ok := stampOf(info)
	if !ok || s.inode == 0 || fresh(s.changed, now) {
		return ""
	}
	if s.changed.Equal(info.ModTime()) && !i.keepsChangeTimes(s.device, filepath.Join(root.Name(), filepath.FromSlash(name))) {
		return ""
	}
	b := []byte("f")
	for _, n := range []int64{info.Size(), info.ModTime().UnixNano(), s.changed.UnixNano()} {
		b = strconv.AppendInt(append(b, '.'), n, 36)
	}
	return string(strconv.AppendUint(append(b, '.'), s.inode, 36))
}

func fresh(changed, now time.Time) bool {
	grain := tick
	if changed.Nanosecond() == 0 {
		grain = coarseTick
	}
	return now.Sub(changed) < grain
}

// keepsChangeTimes asks once for each device what file system it has.
func (i *identifier) keepsChangeTimes(device uint64, path string) bool {
	if known, ok := i.ownTimes.Load(device); ok {
		return known.(bool)
	}
	keeps, err := keepsChangeTimes(path)
	if err != nil {
		return false
	}
	i.ownTimes.Store(device, keeps)
	return keeps
}

// objectIdentity is the identity of an object. A listing tells entity tags alone, and so these count before versions.
func objectIdentity(o minio.ObjectInfo) string {
	size := strconv.FormatInt(o.Size, 36)
	switch {
	case o.ETag != "":
		return "e." + size + "." + o.ETag
	case o.VersionID != "" && o.VersionID != "null": // null is overwritten in place
		return "v." + size + "." + o.VersionID
	}
	return ""
}
