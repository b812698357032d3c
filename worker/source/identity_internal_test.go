package source

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

// On file systems whose ctime is a copy of the mtime it proves nothing, unless it says something else.
func TestCopiedChangeTimeIsNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "a.jpg")
	if err := os.WriteFile(path, []byte("bytes"), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	look := func(keeps bool) string {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		s, ok := stampOf(info)
		switch {
		case ok:
		case runtime.GOOS == "linux" || runtime.GOOS == "darwin":
			t.Fatal("the stamp of a file lacks its ctime")
		default:
			t.Skip("this system says nothing of ctime")
		}
		var i identifier
		i.ownTimes.Store(s.device, keeps)
		return i.file(root, "a.jpg", info, s.changed.Add(time.Hour))
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if s, _ := stampOf(info); s.changed.Equal(info.ModTime()) && (look(true) == "" || look(false) != "") {
		t.Errorf("a fresh file has the identities %q and %q", look(true), look(false))
	}
	if err := os.Chtimes(path, time.Unix(1, 0), time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if look(true) == "" || look(false) != look(true) {
		t.Errorf("a ctime of its own: %q and %q", look(true), look(false))
	}
}

func TestFreshChanges(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		changed time.Time
		now     time.Time
		want    bool
	}{
		{at.Add(time.Millisecond), at.Add(20 * time.Millisecond), true},
		{at.Add(time.Millisecond), at.Add(21 * time.Millisecond), false},
		{at, at.Add(time.Second), true}, // it may count in seconds
		{at, at.Add(2 * time.Second), false},
		{at.Add(time.Hour), at, true}, // another clock
	} {
		if got := fresh(c.changed, c.now); got != c.want {
			t.Errorf("changed %s before: %v", c.now.Sub(c.changed), got)
		}
	}
}

func TestObjectIdentity(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range []minio.ObjectInfo{{Size: 1, ETag: "a"}, {Size: 2, ETag: "a"}, {Size: 1, ETag: "b"}, {Size: 1, VersionID: "a"}, {Size: 1, VersionID: "b"}} {
		id := objectIdentity(o)
		if id == "" || seen[id] {
			t.Errorf("%+v is %q", o, id)
		}
		seen[id] = true
	}
	for _, o := range []minio.ObjectInfo{{Size: 1}, {Size: 1, VersionID: "null"}} {
		if id := objectIdentity(o); id != "" {
			t.Errorf("%+v is %q, and may be overwritten", o, id)
		}
	}
	if objectIdentity(minio.ObjectInfo{Size: 1, ETag: "a", VersionID: "v"}) != objectIdentity(minio.ObjectInfo{Size: 1, ETag: "a"}) {
		t.Error("what a listing says of an object, which has no version, is another identity")
	}
}
