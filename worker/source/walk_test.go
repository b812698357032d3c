package source_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

// listing is what a List yielded, one line each: the name, or the name and the code of its error.
func listing(t *testing.T, s *source.Store, src string, skip func(string, bool) bool) []string {
	t.Helper()
	var got []string
	for e, err := range s.List(t.Context(), src, skip) {
		switch {
		case err != nil:
			got = append(got, fmt.Sprintf("%q: %s", e.Name, tasks.CodeOf(err)))
		default:
			got = append(got, e.Name)
		}
	}
	return got
}

func TestListFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	for _, name := range []string{"root/p/b.jpg", "root/p/a/封面.jpg", "root/p/.git/x", "root/p/new\nline.jpg", "root/p/bad\xff.jpg", "root/p/IMG:1.jpg", "root/q.jpg", "secret"} {
		write(t, filepath.Join(dir, name), name)
	}
	must(t, os.Mkdir(filepath.Join(root, "p/empty"), 0o700))
	must(t, os.Symlink("../../secret", filepath.Join(root, "p/out")))
	must(t, os.Symlink("../q.jpg", filepath.Join(root, "p/inside")))
	must(t, os.Symlink("a", filepath.Join(root, "p/folder")))
	must(t, os.Symlink("..", filepath.Join(root, "p/loop")))
	must(t, os.Symlink("nowhere", filepath.Join(root, "p/dangling")))
	must(t, syscall.Mkfifo(filepath.Join(root, "p/fifo"), 0o600))

	below := []string{
		".git/x", "IMG:1.jpg", "a/封面.jpg", "b.jpg", "bad\xff.jpg", `"dangling": missing`, `"fifo": denied`, `"folder": denied`,
		"inside", `"loop": denied`, "new\nline.jpg", `"out": denied`,
	}
	for name, c := range map[string]struct {
		cfg  source.Config
		src  string
		want []string
	}{
		"below the root":  {source.Config{Root: root}, "p", below},
		"local":           {source.Config{Local: true}, source.Local(filepath.Join(root, "p"), "."), slices.Concat(below[:8], []string{`"inside": denied`}, below[9:])},
		"one file":        {source.Config{Root: root}, "p/b.jpg", []string{"b.jpg"}},
		"odd file":        {source.Config{Root: root}, "file:p/bad%FF.jpg", []string{"bad\xff.jpg"}},
		"through a link":  {source.Config{Root: root}, "p/folder", []string{"封面.jpg"}},
		"empty":           {source.Config{Root: root}, "p/empty", nil},
		"missing":         {source.Config{Root: root}, "none", []string{`"": missing`}},
		"out":             {source.Config{Root: root}, "p/out", []string{`"": denied`}},
		"FIFO":            {source.Config{Root: root}, "p/fifo", []string{`"": denied`}},
		"not allowed":     {source.Config{Root: root}, source.Local(root, "."), []string{`"": denied`}},
		"dots":            {source.Config{Root: root}, "p/../q.jpg", []string{`"": denied`}},
		"no storage root": {source.Config{Local: true}, "p", []string{`"": storage`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newStore(t, c.cfg)
			if diff := cmp.Diff(c.want, listing(t, store, c.src, nil)); diff != "" {
				t.Errorf("List(%s) (-want +got):\n%s", c.src, diff)
			}
			for e, err := range store.List(t.Context(), c.src, nil) {
				if err != nil {
					continue
				}
				if got := read(t, store, e.Source); int64(len(got)) != e.Size || e.Modified.IsZero() {
					t.Errorf("entry %+v leads to %q", e, got)
				}
			}
		})
	}
}

func TestListSaysWhyItRefuses(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	must(t, os.Mkdir(filepath.Join(root, "folder"), 0o700))
	must(t, os.Symlink("folder", filepath.Join(root, "a")))
	must(t, os.Symlink("..", filepath.Join(root, "b")))
	must(t, syscall.Mkfifo(filepath.Join(root, "c"), 0o600))
	says := map[string]string{"a": "not followed", "b": "leads out", "c": "named pipe"}
	for e, err := range newStore(t, source.Config{Root: root}).List(t.Context(), ".", nil) {
		if err == nil || !strings.Contains(err.Error(), says[e.Name]) {
			t.Errorf("%s: %v, want it to say %q", e.Name, err, says[e.Name])
		}
	}
}

func TestListSkips(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, name := range []string{"a.jpg", ".a.jpg", ".git/x", "sub/.b", "sub/b.jpg", "node/x/y.jpg"} {
		write(t, filepath.Join(root, name), name)
	}
	var asked []string
	got := listing(t, newStore(t, source.Config{Root: root}), ".", func(name string, dir bool) bool {
		asked = append(asked, fmt.Sprint(name, " ", dir))
		return strings.HasPrefix(filepath.Base(name), ".") || name == "node"
	})
	if diff := cmp.Diff([]string{"a.jpg", "sub/b.jpg"}, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	want := []string{".a.jpg false", ".git true", "a.jpg false", "node true", "sub true", "sub/.b false", "sub/b.jpg false"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got): what is skipped is not entered\n%s", diff)
	}
}

func TestListDoesNotReadAhead(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for i := range 3 {
		write(t, filepath.Join(root, fmt.Sprint(i), "a.jpg"), "a")
	}
	var got []string
	for e, err := range newStore(t, source.Config{Root: root}).List(t.Context(), ".", nil) {
		must(t, err)
		got = append(got, e.Name)
		if e.Name == "0/a.jpg" {
			write(t, filepath.Join(root, "1/b.jpg"), "found, since 1 was not entered yet")
			must(t, os.RemoveAll(filepath.Join(root, "2/a.jpg")))
		}
	}
	if diff := cmp.Diff([]string{"0/a.jpg", "1/a.jpg", "1/b.jpg"}, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}

func TestListOfALargeFolderIsWhole(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	const files = 9000 // more than two chunks of names
	for i := range files {
		must(t, os.WriteFile(filepath.Join(root, fmt.Sprintf("%05d", i)), nil, 0o600))
	}
	store := newStore(t, source.Config{Root: root})
	seen := map[string]bool{}
	for e, err := range store.List(t.Context(), ".", nil) {
		must(t, err)
		if seen[e.Name] {
			t.Errorf("%s came twice", e.Name)
		}
		seen[e.Name] = true
	}
	if len(seen) != files {
		t.Errorf("%d files listed, want %d", len(seen), files)
	}
	for _, err := range store.List(t.Context(), ".", nil) {
		must(t, err)
		break // and nothing is yielded after that: range would panic
	}
}

func TestListCanceled(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a/a.jpg"), "a")
	write(t, filepath.Join(root, "b/b.jpg"), "b")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	for _, err := range newStore(t, source.Config{Root: root}).List(ctx, ".", nil) {
		cancel()
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("the listing ends with %v: a canceled one must not look complete", last)
	}
}

func TestListThatLosesAFolder(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a.jpg"), "a")
	write(t, filepath.Join(root, "b/b.jpg"), "b")
	write(t, filepath.Join(root, "c/c.jpg"), "c")
	var got []string
	for e, err := range newStore(t, source.Config{Root: root}).List(t.Context(), ".", nil) {
		got = append(got, fmt.Sprint(e.Name, " ", tasks.CodeOf(err)))
		if e.Name == "a.jpg" {
			must(t, os.RemoveAll(filepath.Join(root, "b")))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", e.Name, err)
		}
	}
	if diff := cmp.Diff([]string{"a.jpg ", "b missing", "c/c.jpg "}, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
}
