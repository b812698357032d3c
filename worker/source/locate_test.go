package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

func TestUnder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	write(t, filepath.Join(root, "sub/a.jpg"), "a")
	must(t, os.Symlink("root", filepath.Join(dir, "other-name")))
	for path, want := range map[string]string{
		root:                                ".",
		root + "/sub/a.jpg":                 "sub/a.jpg",
		root + "//sub/./x/../a.jpg":         "sub/a.jpg",
		root + "/not/there\xff":             "file:not/there%FF",
		dir + "/other-name/sub/a.jpg":       "sub/a.jpg",
		dir + "/other-name/sub/none":        "sub/none",
		root + "/..data/a.jpg":              "..data/a.jpg",
		dir + "/rootless/a.jpg":             "",
		dir:                                 "",
		root + "/../secret":                 "",
		"/etc/passwd":                       "",
		root + "/s3:/x":                     "file:s3:/x",
		filepath.Join(root, "http:") + "/x": "file:http:/x",
		filepath.Join(root, "sub", "..", "sub/a.b"): "sub/a.b",
	} {
		got, err := source.Under(root, path)
		if want == "" {
			if tasks.CodeOf(err) != tasks.Denied {
				t.Errorf("Under(%q) = %q, %v, want denied", path, got, err)
			}
		} else if err != nil || got != want {
			t.Errorf("Under(%q) = %q, %v, want %q", path, got, err, want)
		}
	}
	if got, err := source.Under(filepath.Join(dir, "other-name"), root+"/sub/a.jpg"); err != nil || got != "sub/a.jpg" {
		t.Errorf("Under(a link to the root) = %q, %v", got, err)
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "folder/a.jpg"), "a")
	write(t, filepath.Join(dir, "elsewhere/b.jpg"), "b")
	must(t, os.Symlink("../elsewhere/b.jpg", filepath.Join(dir, "folder/link.jpg")))
	local := newStore(t, source.Config{Local: true, Root: dir})
	rooted := newStore(t, source.Config{Root: dir})
	for path, want := range map[string][2]string{ // by the local store, by the other
		"folder":          {source.Local(dir+"/folder", "."), "folder"},
		"folder/a.jpg":    {source.Local(dir+"/folder", "a.jpg"), "folder/a.jpg"},
		"folder/link.jpg": {source.Local(dir+"/elsewhere", "b.jpg"), "folder/link.jpg"}, // named by the person: resolved
	} {
		got, err := local.Locate(filepath.Join(dir, path))
		if err != nil || got != want[0] {
			t.Errorf("local Locate(%q) = %q, %v, want %q", path, got, err, want[0])
		}
		if got, err = rooted.Locate(filepath.Join(dir, path)); err != nil || got != want[1] {
			t.Errorf("Locate(%q) = %q, %v, want %q", path, got, err, want[1])
		}
	}
	for _, c := range []struct {
		store *source.Store
		path  string
		want  tasks.Code
	}{
		{local, filepath.Join(dir, "none"), tasks.Missing},
		{rooted, "/etc/passwd", tasks.Denied},
		{newStore(t, source.Config{}), dir, tasks.Storage},
		{local, "s3://x", tasks.Invalid},
	} {
		if got, err := c.store.Locate(c.path); tasks.CodeOf(err) != c.want {
			t.Errorf("Locate(%q) = %q, %v, want %s", c.path, got, err, c.want)
		}
	}
	if got, err := rooted.Locate("s3://media/a b"); err != nil || got != "s3://media/a b" {
		t.Errorf("Locate(s3://…) = %q, %v", got, err)
	}
}

// display shows a source as people see it.
func display(text string) string {
	src, err := tasks.ParseSource(text)
	if err != nil {
		src = tasks.Source{Path: text}
	}
	return src.Display()
}

func TestDisplay(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"封面 图.jpg":                    "封面 图.jpg",
		"emoji 🎬.mp4":                 "emoji 🎬.mp4",
		"new\nline\x1b[31m.jpg":       `new\nline\x1b[31m.jpg`,
		"evil\u202egpj.exe":           `evil\u202egpj.exe`,
		"file:bad%FF.jpg":             `bad\xff.jpg`,
		"bad\xff.jpg":                 `bad\xff.jpg`,
		source.Local("/a b", "c/%"):   "/a b/c/%",
		"s3://media/a b\t":            `s3://media/a b\t`,
		"http://example.com/\r":       `http://example.com/\r`,
		strings.Repeat("\x00", 2):     `\x00\x00`,
		"full-width\u3000space\u00a0": "full-width\u3000space\u00a0",
	} {
		if got := display(src); got != want {
			t.Errorf("Display(%q) = %q, want %q", src, got, want)
		}
	}
}
