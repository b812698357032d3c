package source_test

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/source"
)

// identity waits until a file is old enough to have one.
func identity(t *testing.T, store *source.Store, src string) string {
	t.Helper()
	var found string
	taskstest.Until(t, src+" has an identity", func() bool {
		e, err := store.Stat(t.Context(), src)
		must(t, err)
		found = e.Identity
		return found != ""
	})
	return found
}

// keepingTimes runs change and sets the file's mtime back.
func keepingTimes(t *testing.T, path string, change func()) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	change()
	must(t, os.Chtimes(path, info.ModTime(), info.ModTime()))
	if after, err := os.Stat(path); err != nil || after.Size() != info.Size() || !after.ModTime().Equal(info.ModTime()) {
		t.Fatalf("size and mtime did not stay: %v", err)
	}
}

func TestIdentityChangesWithTheFile(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, path string){
		"rewritten in place": func(t *testing.T, path string) { write(t, path, "bytes2") },
		"replaced by another": func(t *testing.T, path string) {
			write(t, path+".new", "bytes2")
			must(t, os.Rename(path+".new", path))
		},
		"its mode": func(t *testing.T, path string) { must(t, os.Chmod(path, 0o640)) }, // a change that ctime alone tells
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			path := filepath.Join(root, "a.jpg")
			write(t, path, "bytes1")
			store := newStore(t, source.Config{Root: root})
			before := identity(t, store, "a.jpg")
			keepingTimes(t, path, func() { change(t, path) })
			if after := identity(t, store, "a.jpg"); after == before {
				t.Errorf("the identity is still %s", after)
			}
		})
	}
}

func TestIdentityStaysWithTheFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a.jpg"), "bytes")
	s := newS3(t)
	s.put(t, "a.jpg", "bytes")
	store := newStore(t, source.Config{Root: root, S3: s.config()})
	for _, src := range []string{"a.jpg", "s3://media/a.jpg"} {
		want := identity(t, store, src)
		for range 2 {
			f, err := store.Open(t.Context(), src)
			must(t, err)
			_, err = io.Copy(io.Discard, f)
			must(t, err)
			must(t, f.Close())
			if f.Identity != want {
				t.Errorf("Open says %s, Stat %s", f.Identity, want)
			}
		}
		for e, err := range store.List(t.Context(), src, nil) {
			must(t, err)
			if e.Identity != want {
				t.Errorf("List says %s, Stat %s", e.Identity, want)
			}
		}
	}
}

// A change within one tick of the clock may leave the ctime as it is: nothing is promised until that is over.
func TestYoungFileHasNoIdentity(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a.jpg"), "bytes")
	store := newStore(t, source.Config{Root: root})
	taskstest.Until(t, "a file is looked at right after it was written", func() bool {
		must(t, os.Chmod(filepath.Join(root, "a.jpg"), 0o600))
		e, err := store.Stat(t.Context(), "a.jpg")
		must(t, err)
		return e.Identity == ""
	})
}

func TestIdentityOfObjects(t *testing.T) {
	t.Parallel()
	s := newS3(t)
	s.put(t, "a.jpg", "bytes1")
	store := s.store(t)
	before := identity(t, store, "s3://media/a.jpg")
	s.put(t, "a.jpg", "bytes2")
	if after := identity(t, store, "s3://media/a.jpg"); after == before {
		t.Errorf("overwritten with as many bytes, the identity is still %s", after)
	}
	s.put(t, "a.jpg", "bytes1")
	if again := identity(t, store, "s3://media/a.jpg"); again != before {
		t.Errorf("the same bytes again: %s, before %s", again, before)
	}
}

// A writer that sets the mtime back is noticed while the file is read.
func TestWriterThatHidesItselfIsNoticed(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	path := filepath.Join(root, "a.jpg")
	write(t, path, "bytes1")
	store := newStore(t, source.Config{Root: root})
	identity(t, store, "a.jpg")
	f, err := store.Open(t.Context(), "a.jpg")
	must(t, err)
	defer f.Close()
	keepingTimes(t, path, func() { write(t, path, "bytes2") })
	if err := f.Verify(); tasks.CodeOf(err) != tasks.Changed {
		t.Errorf("Verify: %v, want changed", err)
	}
}
