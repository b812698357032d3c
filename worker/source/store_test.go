package source_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

func TestOpenReadsFilesBelowTheRoot(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	names := []string{
		"a.jpg", "dir/b.jpg", "封面 图.jpg", "emoji 🎬.mp4", "new\nline.jpg", "bad\xff\xfe.jpg", "IMG:1.jpg", "s3:/x.jpg",
		"file:x.jpg", "50%41.jpg", "a#b?c.jpg", "-rf", "dir/\xe5.jpg",
	}
	store := newStore(t, source.Config{Root: root})
	for _, name := range names {
		write(t, filepath.Join(root, name), "bytes of "+name)
		src, err := source.Under(root, filepath.Join(root, name))
		if err != nil {
			t.Fatalf("Under(%q): %v", name, err)
		}
		if got := read(t, store, src); got != "bytes of "+name {
			t.Errorf("source %q of file %q: read %q", src, name, got)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	write(t, filepath.Join(dir, "secret"), "not for you")
	write(t, filepath.Join(root, "in/a.jpg"), "in")
	link := func(target, name string) {
		t.Helper()
		must(t, os.Symlink(target, filepath.Join(root, name)))
	}
	link("../secret", "out")
	link(filepath.Join(dir, "secret"), "absolute")
	link("..", "up")
	link("in/a.jpg", "inside")
	link("in", "folder")
	link("nowhere", "dangling")
	link("loop", "loop")
	must(t, syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	must(t, syscall.Mknod(filepath.Join(root, "socket"), syscall.S_IFSOCK|0o600, 0))
	store := newStore(t, source.Config{Root: root})

	for _, c := range []struct {
		source string
		want   tasks.Code
	}{
		{"inside", ""},
		{"folder/a.jpg", ""},
		{"../secret", tasks.Denied},
		{"in/../../secret", tasks.Denied},
		{"in/../in/a.jpg", tasks.Denied},
		{filepath.Join(dir, "secret"), tasks.Denied},
		{"file:%2e%2e/secret", tasks.Denied},
		{"file:" + filepath.Join(dir, "secret"), tasks.Denied},
		{"file://" + dir + "#secret", tasks.Denied},
		{"file://" + root + "#in/a.jpg", tasks.Denied},
		{"out", tasks.Denied},
		{"absolute", tasks.Denied},
		{"up/secret", tasks.Denied},
		{"loop", tasks.Denied},
		{"fifo", tasks.Denied},
		{"socket", tasks.Denied},
		{"in", tasks.Denied},
		{".", tasks.Denied},
		{"dangling", tasks.Missing},
		{"none", tasks.Missing},
		{"none/a.jpg", tasks.Missing},
		{"in/a.jpg/b", tasks.Missing},
		{strings.Repeat("n", 300), tasks.Missing},
		{"http://example.com/a.jpg", tasks.Invalid},
		{"FILE:///etc#passwd", tasks.Invalid},
		{"file://etc#passwd", tasks.Invalid},
		{"", tasks.Invalid},
		{"bad\xff", tasks.Invalid},
		{"file:%zz", tasks.Invalid},
		{"s3://bucket/key", tasks.Storage},
	} {
		f, err := store.Open(t.Context(), c.source)
		if err == nil {
			f.Close()
		}
		if got := tasks.CodeOf(err); got != c.want {
			t.Errorf("Open(%q): code %q (%v), want %q", c.source, got, err, c.want)
		}
		if err != nil && c.source != "" && !strings.Contains(c.source, dir) && strings.Contains(err.Error(), dir) {
			t.Errorf("Open(%q): the error tells where the root is: %v", c.source, err)
		}
	}
}

func TestOpenDevice(t *testing.T) {
	t.Parallel()
	store := newStore(t, source.Config{Local: true})
	_, err := store.Open(t.Context(), source.Local("/dev", "null"))
	if tasks.CodeOf(err) != tasks.Denied || !strings.Contains(err.Error(), "device") {
		t.Errorf("opening /dev/null: %v, want a refusal that says it is a device", err)
	}
}

func TestLocalSources(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "相册 #1%\xff")
	write(t, filepath.Join(dir, "a/b.jpg"), "b")
	write(t, filepath.Join(dir, "..", "c.jpg"), "c")
	must(t, os.Symlink("../c.jpg", filepath.Join(dir, "out")))
	store := newStore(t, source.Config{Local: true})
	if got := read(t, store, source.Local(dir, "a/b.jpg")); got != "b" {
		t.Errorf("read %q", got)
	}
	for rel, want := range map[string]tasks.Code{"out": tasks.Denied, "../c.jpg": tasks.Denied, "none": tasks.Missing} {
		if _, err := store.Open(t.Context(), source.Local(dir, rel)); tasks.CodeOf(err) != want {
			t.Errorf("Open(%q): %v, want %s", rel, err, want)
		}
	}
	if _, err := store.Open(t.Context(), source.Local(dir+"gone", "a")); tasks.CodeOf(err) != tasks.Missing {
		t.Errorf("a folder that is gone: %v, want missing", err)
	}
	if _, err := store.Open(t.Context(), "a.jpg"); tasks.CodeOf(err) != tasks.Storage {
		t.Errorf("without a storage root: %v, want storage", err)
	}
}

func TestOpenCanceled(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a"), "a")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cancel()
	if _, err := newStore(t, source.Config{Root: root}).Open(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Open: %v, want context.Canceled", err)
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meddle func(t *testing.T, path string)
		want   tasks.Code
		says   string
	}{
		"untouched": {func(*testing.T, string) {}, "", ""},
		"appended":  {func(t *testing.T, p string) { write(t, p, "first and more") }, tasks.Changed, "written to"},
		"same size": {func(t *testing.T, p string) {
			must(t, os.WriteFile(p, []byte("FIRST"), 0o600))
			later(t, p)
		}, tasks.Changed, "written to"},
		"replaced": {func(t *testing.T, p string) {
			info, err := os.Stat(p)
			must(t, err)
			write(t, p+".new", "FIRST")
			must(t, os.Chtimes(p+".new", info.ModTime(), info.ModTime()))
			must(t, os.Rename(p+".new", p))
		}, tasks.Changed, "in its place"},
		"removed":   {func(t *testing.T, p string) { must(t, os.Remove(p)) }, tasks.Changed, "gone"},
		"root gone": {func(t *testing.T, p string) { must(t, os.RemoveAll(filepath.Dir(p))) }, tasks.Storage, "root"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := filepath.Join(t.TempDir(), "root")
			path := filepath.Join(root, "a.jpg")
			write(t, path, "first")
			f, err := newStore(t, source.Config{Root: root}).Open(t.Context(), "a.jpg")
			must(t, err)
			defer f.Close()
			c.meddle(t, path)
			if _, err := io.ReadAll(f); err != nil {
				t.Fatal(err)
			}
			if err := f.Verify(); tasks.CodeOf(err) != c.want || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("Verify: %v, want code %q and %q", err, c.want, c.says)
			}
		})
	}
}

func TestFileSaysWhatItIs(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "a.jpg"), "12345")
	f, err := newStore(t, source.Config{Root: root}).Open(t.Context(), "a.jpg")
	must(t, err)
	defer f.Close()
	info, err := os.Stat(filepath.Join(root, "a.jpg"))
	must(t, err)
	if diff := cmp.Diff([]any{info.Size(), info.ModTime(), ""}, []any{f.Size, f.Modified, f.ETag}); diff != "" {
		t.Errorf("size, modified, etag (-want +got):\n%s", diff)
	}
}

func newStore(t *testing.T, cfg source.Config) *source.Store {
	t.Helper()
	s, err := source.New(cfg)
	must(t, err)
	return s
}

func read(t *testing.T, s *source.Store, src string) string {
	t.Helper()
	f, err := s.Open(t.Context(), src)
	if err != nil {
		t.Errorf("Open(%q): %v", src, err)
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	must(t, err)
	return string(b)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.WriteFile(path, []byte(content), 0o600))
}

// later moves a file's time by an hour, since two writes may share one tick of the file system's clock.
func later(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	must(t, err)
	at := info.ModTime().Add(3600e9)
	must(t, os.Chtimes(path, at, at))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A grant bounds what is opened, not the text alone: no link leads out of the granted folder, wherever it leads.
func TestOpenWithin(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "shop/in/a.jpg"), "mine")
	write(t, filepath.Join(root, "rival/secret.jpg"), "theirs")
	for link, to := range map[string]string{
		"shop/link.jpg": "../rival/secret.jpg", "shop/folder": "../rival", "shop/near.jpg": "in/a.jpg", "shop/abs.jpg": filepath.Join(root, "shop/in/a.jpg"),
		"moved": "shop", "away": "..",
	} {
		must(t, os.Symlink(to, filepath.Join(root, link)))
	}
	s := newS3(t)
	s.put(t, "shop/a.jpg", "object")
	s.put(t, "rival/secret.jpg", "theirs")
	store := newStore(t, source.Config{Root: root, S3: s.config()})
	for _, c := range []struct {
		grant, source string
		want          tasks.Code // "": it is read
	}{
		{"shop/", "shop/in/a.jpg", ""},
		{"shop/in/a.jpg", "shop/in/a.jpg", ""},
		{"shop/", "shop/near.jpg", ""},
		{"moved/", "moved/in/a.jpg", ""}, // the operator's own link
		{"", "shop/link.jpg", ""},        // may read both
		{"shop/", "shop/link.jpg", tasks.Denied},
		{"shop/link.jpg", "shop/link.jpg", tasks.Denied},
		{"moved/", "moved/link.jpg", tasks.Denied},
		{"shop/", "shop/folder/secret.jpg", tasks.Denied},
		{"shop/", "shop/abs.jpg", tasks.Denied},
		{"shop/", "rival/secret.jpg", tasks.Denied},
		{"away/", "away/a.jpg", tasks.Denied},
		{"shop/", "shop/none.jpg", tasks.Missing},
		{"none/", "none/a.jpg", tasks.Missing},
		{"shop/", "s3://media/shop/a.jpg", tasks.Denied},
		{"s3://media/shop/", "s3://media/shop/a.jpg", ""},
		{"s3://media/shop/", "s3://media/rival/secret.jpg", tasks.Denied},
		{"s3://media/shop/", "s3://media/shop/../rival/secret.jpg", tasks.Denied},
		{"s3://media/shop/", "shop/in/a.jpg", tasks.Denied},
	} {
		f, err := store.OpenWithin(t.Context(), c.grant, c.source)
		if err == nil {
			if f.Verify != nil {
				err = f.Verify()
			}
			f.Close()
		}
		if got := tasks.CodeOf(err); got != c.want {
			t.Errorf("%s within %q: %v, want %q", c.source, c.grant, err, c.want)
		}
	}
}
