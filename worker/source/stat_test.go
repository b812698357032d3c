package source_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

// TestStatAgreesWithList: an upload's own name is made from either, so the two must see the same file.
func TestStatAgreesWithList(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "dir/a\xff.jpg"), "12345")
	s := newS3(t)
	s.put(t, "dir/b.jpg", "123")
	store := newStore(t, source.Config{Root: root, S3: s.config()})
	for _, src := range []string{"file:dir/a%FF.jpg", "s3://media/dir/b.jpg"} {
		identity(t, store, src)
		got, err := store.Stat(t.Context(), src)
		must(t, err)
		f, err := store.Open(t.Context(), src)
		must(t, err)
		f.Close()
		if f.Size != got.Size || !f.Modified.Equal(got.Modified) || f.ETag != got.ETag {
			t.Errorf("Stat %+v, Open %+v", got, f)
		}
		for e, err := range store.List(t.Context(), src, nil) {
			must(t, err)
			if e.ETag != "" {
				e.Modified = got.Modified // gofakes3 lists the time of its own clock
			}
			if diff := cmp.Diff(e, got); diff != "" {
				t.Errorf("Stat(%s) (-List +Stat):\n%s", src, diff)
			}
		}
	}
}

func TestStatRefuses(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	must(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	must(t, os.Symlink("/etc/passwd", filepath.Join(root, "out")))
	s := newS3(t)
	store := newStore(t, source.Config{Root: root, S3: s.config()})
	for src, want := range map[string]tasks.Code{
		"none": tasks.Missing, "fifo": tasks.Denied, "out": tasks.Denied, ".": tasks.Denied, "../x": tasks.Denied, "http://x": tasks.Invalid,
		source.Local(root, "fifo"): tasks.Denied, "s3://other/a": tasks.Denied, "s3://media/none": tasks.Missing,
	} {
		if _, err := store.Stat(t.Context(), src); tasks.CodeOf(err) != want {
			t.Errorf("Stat(%q): %v, want %s", src, err, want)
		}
	}
}
