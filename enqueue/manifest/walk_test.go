package manifest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/source"
)

// tree makes files below a new folder, each holding its own name.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func open(t *testing.T, cfg source.Config) *source.Store {
	t.Helper()
	s, err := source.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// walked is a Walk, one text a row: what the file that it found holds, or the code of its refusal.
func walked(t *testing.T, s *source.Store, f manifest.Filter, args ...string) []string {
	t.Helper()
	var got []string
	n := 0
	for r := range manifest.Walk(t.Context(), s, args, f) {
		if n++; r.Line != n {
			t.Errorf("row %d has line %d", n, r.Line)
		}
		if r.Err != nil {
			got = append(got, string(r.Err.Code))
			continue
		}
		check(t, manifest.Row{Line: r.Line, Upload: below(t, r.Upload)})
		file, err := s.Open(t.Context(), r.Upload.Source)
		if err != nil {
			t.Errorf("open %q: %v", r.Upload.Source, err)
			continue
		}
		b, err := io.ReadAll(file)
		file.Close()
		if err != nil || int64(len(b)) != r.Size || !r.Modified.Equal(file.Modified) || r.ETag != file.ETag {
			t.Errorf("%q: row %+v, file %+v, %v", r.Upload.Source, r, file, err)
		}
		got = append(got, string(b))
	}
	return got
}

// below takes the folder of a local source away, which check knows nothing of.
func below(t *testing.T, u tasks.Upload) tasks.Upload {
	t.Helper()
	src, err := tasks.ParseSource(u.Source)
	if err != nil {
		t.Fatal(err)
	}
	src.Root = ""
	u.Source = src.String()
	return u
}

func TestWalkFindsOddNames(t *testing.T) {
	t.Parallel()
	names := []string{
		"-rf", "50%41.jpg", "IMG:1.jpg", "a b.jpg", "a#b?c.jpg", "bad\xff\xfe.jpg", "emoji 🎬.mp4", "new\nline.jpg", "o'quote\".jpg", "photo[1].jpg",
		"star*.jpg", "thing.", "back\\slash.jpg", "封面 图/子\xe5/图.jpg",
	}
	root := tree(t, names...)
	want := map[string]bool{}
	for _, n := range names {
		want[n] = true
	}
	for name, s := range map[string]*source.Store{"storage root": open(t, source.Config{Root: root}), "local": open(t, source.Config{Local: true})} {
		got := map[string]bool{}
		for _, n := range walked(t, s, manifest.Filter{}, root) {
			got[n] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: folder (-want +got):\n%s", name, diff)
		}
		for _, n := range names { // each named by itself, wildcards and all
			if diff := cmp.Diff([]string{n}, walked(t, s, manifest.Filter{}, filepath.Join(root, n))); diff != "" {
				t.Errorf("%s: %q (-want +got):\n%s", name, n, diff)
			}
		}
	}
}

func TestWalkFilters(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.jpg", "b.png", ".c.jpg", ".git/d.jpg", "sub/e.jpg", "sub/deep/f.jpg", "sub/g.txt", "skip/h.jpg")
	local := open(t, source.Config{Local: true})
	for name, c := range map[string]struct {
		f    manifest.Filter
		want []string
	}{
		"all":            {manifest.Filter{}, []string{"a.jpg", "b.png", "skip/h.jpg", "sub/deep/f.jpg", "sub/e.jpg", "sub/g.txt"}},
		"hidden":         {manifest.Filter{Hidden: true, Include: []string{"*.jpg"}}, []string{".c.jpg", ".git/d.jpg", "a.jpg", "skip/h.jpg", "sub/deep/f.jpg", "sub/e.jpg"}},
		"name":           {manifest.Filter{Include: []string{"*.jpg", "*.png"}, Exclude: []string{"skip"}}, []string{"a.jpg", "b.png", "sub/deep/f.jpg", "sub/e.jpg"}},
		"path":           {manifest.Filter{Include: []string{"sub/*.jpg"}}, []string{"sub/e.jpg"}},
		"any depth":      {manifest.Filter{Include: []string{"**/deep/*.{jpg,png}"}}, []string{"sub/deep/f.jpg"}},
		"exclude folder": {manifest.Filter{Exclude: []string{"sub/**", "skip/"}}, []string{"a.jpg", "b.png"}},
		"nothing":        {manifest.Filter{Include: []string{"*.gif"}}, nil},
		"bad pattern":    {manifest.Filter{Exclude: []string{"[a"}}, []string{"invalid"}},
	} {
		if diff := cmp.Diff(c.want, walked(t, local, c.f, root)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff([]string{".c.jpg", "a.jpg"}, walked(t, local, manifest.Filter{Include: []string{"*.jpg"}}, filepath.Join(root, ".c.jpg"), filepath.Join(root, "a.jpg"))); diff != "" {
		t.Errorf("files named themselves are taken (-want +got):\n%s", diff)
	}
}

func TestWalkGlobs(t *testing.T) {
	t.Parallel()
	root := tree(t, "a.jpg", "b.JPG", ".h.jpg", "sub/c.jpg", "sub/deep/d.jpg", "x[1].jpg", "x1.jpg", "bad\xff.jpg")
	for pattern, want := range map[string][]string{
		"*.jpg":           {"a.jpg", "bad\xff.jpg", "x1.jpg", "x[1].jpg"},
		"*.{jpg,JPG}":     {"a.jpg", "b.JPG", "bad\xff.jpg", "x1.jpg", "x[1].jpg"},
		"**/*.jpg":        {"a.jpg", "bad\xff.jpg", "sub/c.jpg", "sub/deep/d.jpg", "x1.jpg", "x[1].jpg"},
		"sub/*":           {"sub/c.jpg"},
		"s?b/**/d.*":      {"sub/deep/d.jpg"},
		".*":              {".h.jpg"},
		"x[1].jpg":        {"x[1].jpg"}, // there is such a file
		"x[12].jpg":       {"x1.jpg"},
		`x\[1].jpg`:       {"x[1].jpg"},
		"bad?.jpg":        {"bad\xff.jpg"},
		"*.gif":           {"missing"},
		"none/*.jpg":      {"missing"},
		"none.jpg":        {"missing"},
		"[a":              {"invalid"},
		"{sub/deep,.}/d*": {"sub/deep/d.jpg"},
	} {
		for name, s := range map[string]*source.Store{"storage root": open(t, source.Config{Root: root}), "local": open(t, source.Config{Local: true})} {
			if diff := cmp.Diff(want, walked(t, s, manifest.Filter{}, filepath.Join(root)+"/"+pattern)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", name, pattern, diff)
			}
		}
	}
}

func TestWalkNeverLeavesAndGoesOn(t *testing.T) {
	t.Parallel()
	dir := tree(t, "secret", "root/a.jpg", "root/z.jpg", "other/o.jpg")
	root := filepath.Join(dir, "root")
	for name, target := range map[string]string{"out": "../secret", "up": "..", "absolute": filepath.Join(dir, "secret")} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	rooted, local := open(t, source.Config{Root: root}), open(t, source.Config{Local: true})
	want := []string{"a.jpg", "denied", "denied", "denied", "denied", "z.jpg"}
	strip := func(rows []string) []string {
		for i := range rows {
			rows[i] = strings.TrimPrefix(rows[i], "root/")
		}
		return rows
	}
	for name, s := range map[string]*source.Store{"storage root": rooted, "local": local} {
		if diff := cmp.Diff(want, strip(walked(t, s, manifest.Filter{}, root))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	args := []string{filepath.Join(root, "none"), filepath.Join(dir, "other"), filepath.Join(root, "z.jpg")}
	if diff := cmp.Diff([]string{"missing", "denied", "z.jpg"}, strip(walked(t, rooted, manifest.Filter{}, args...))); diff != "" {
		t.Errorf("arguments under a storage root (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"missing", "other/o.jpg", "z.jpg"}, strip(walked(t, local, manifest.Filter{}, args...))); diff != "" {
		t.Errorf("arguments of a person (-want +got):\n%s", diff)
	}
}

// endless is storage with more files than anybody could hold, and buckets whose prefixes are never missing.
type endless struct{ listed int }

func (e *endless) Locate(path string) (string, error) { return path, nil }

func (e *endless) List(_ context.Context, src string, skip func(string, bool) bool) iter.Seq2[tasks.Entry, error] {
	return func(yield func(tasks.Entry, error) bool) {
		if strings.HasSuffix(src, "*") || src == "s3://media/none/" || src == "s3://media/" {
			return
		}
		if src == "s3://media/f[1]/" {
			yield(tasks.Entry{Source: src + "a.jpg", Name: "a.jpg"}, nil)
			return
		}
		if src == "s3://media/away/" {
			yield(tasks.Entry{}, &tasks.Error{Code: tasks.Storage, Op: "list", Err: errors.New("away")})
			return
		}
		for {
			e.listed++
			name := fmt.Sprintf("%d.jpg", e.listed)
			if !skip(name, false) && !yield(tasks.Entry{Source: src + name, Name: name, Size: 1, ETag: "tag"}, nil) {
				return
			}
		}
	}
}

func TestWalkDoesNotReadAhead(t *testing.T) {
	t.Parallel()
	var e endless
	n := 0
	for r := range manifest.Walk(t.Context(), &e, []string{"folder/"}, manifest.Filter{}) {
		if n++; e.listed != n || r.Line != n {
			t.Fatalf("row %d, line %d: %d files were listed", n, r.Line, e.listed)
		}
		if n == 1000 {
			break
		}
	}
}

func TestWalkBuckets(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"s3://media/p/":          "s3://media/p/1.jpg",
		"s3://media/p/[2-9].jpg": "s3://media/p/[2-9].jpg1.jpg", // a prefix is taken as it is where it has objects
		"s3://media/p/2*":        "s3://media/p/2.jpg",
		"s3://media/none/":       "",
		"s3://media/away/":       "storage",
	} {
		got := ""
		for r := range manifest.Walk(t.Context(), &endless{}, []string{arg}, manifest.Filter{}) {
			if got = r.Upload.Source; r.Err != nil {
				got = string(r.Err.Code)
			} else if r.ETag != "tag" || r.Size != 1 {
				t.Errorf("%s: row %+v does not say what the object looks like", arg, r)
			}
			break
		}
		if got != want {
			t.Errorf("%s: first row %q, want %q", arg, got, want)
		}
	}
}

func TestWalkTakesANameForAGlobOnlyIfThereIsNone(t *testing.T) {
	t.Parallel()
	var got []string
	for r := range manifest.Walk(t.Context(), &endless{}, []string{"s3://media/f[1]/"}, manifest.Filter{}) {
		got = append(got, r.Upload.Source)
		if len(got) > 1 {
			break
		}
	}
	if diff := cmp.Diff([]string{"s3://media/f[1]/a.jpg"}, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

// journal writes down which folders a listing enters.
type journal struct {
	*source.Store
	entered []string
}

func (j *journal) List(ctx context.Context, src string, skip func(string, bool) bool) iter.Seq2[tasks.Entry, error] {
	return j.Store.List(ctx, src, func(name string, dir bool) bool {
		out := skip(name, dir)
		if dir && !out {
			j.entered = append(j.entered, name)
		}
		return out
	})
}

func TestWalkEntersOnlyFoldersThatCanMatch(t *testing.T) {
	t.Parallel()
	root := tree(t, "a/b/c/d.jpg", "x/y.jpg")
	for pattern, want := range map[string][]string{
		"*.jpg": nil, "*/*.jpg": {"a", "x"}, "**/*.jpg": {"a", "a/b", "a/b/c", "x"}, "{a,x}/*.jpg": {"a", "a/b", "a/b/c", "x"},
	} {
		j := journal{Store: open(t, source.Config{Local: true})}
		for range manifest.Walk(t.Context(), &j, []string{root + "/" + pattern}, manifest.Filter{}) {
		}
		if diff := cmp.Diff(want, j.entered); diff != "" {
			t.Errorf("%s: entered (-want +got):\n%s", pattern, diff)
		}
	}
}

func TestWalkCanceled(t *testing.T) {
	t.Parallel()
	root := tree(t, "a/a.jpg", "b/b.jpg")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last manifest.Row
	for r := range manifest.Walk(ctx, open(t, source.Config{Local: true}), []string{root}, manifest.Filter{}) {
		cancel()
		last = r
	}
	if !errors.Is(last.Err, context.Canceled) {
		t.Errorf("the walk ends with %+v: it must not look complete", last)
	}
}

// What the system keeps in a folder is left out, also where hidden files are taken, and told of; named itself it is taken.
func TestWalkLeavesOutSystemFiles(t *testing.T) {
	t.Parallel()
	s := open(t, source.Config{Local: true})
	root := tree(t, "a.jpg", "Thumbs.db", "sub/desktop.ini", "sub/Desktop.INI.jpg", ".DS_Store", "~$report.docx", "sub/._a.jpg", "~a.jpg", "sub/.b.jpg")
	for _, hidden := range []bool{false, true} {
		var told []string
		f := manifest.Filter{Hidden: hidden, System: func(name string) { told = append(told, name) }}
		want := []string{"a.jpg", "sub/Desktop.INI.jpg", "~a.jpg"}
		if hidden {
			want = []string{"a.jpg", "sub/.b.jpg", "sub/Desktop.INI.jpg", "~a.jpg"}
		}
		got := walked(t, s, f, root)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("hidden %t (-want +got):\n%s", hidden, diff)
		}
		slices.Sort(told)
		if diff := cmp.Diff([]string{".DS_Store", "Thumbs.db", "sub/._a.jpg", "sub/desktop.ini", "~$report.docx"}, told); diff != "" {
			t.Errorf("told of, hidden %t (-want +got):\n%s", hidden, diff)
		}
	}
	if got := walked(t, s, manifest.Filter{}, filepath.Join(root, "Thumbs.db")); len(got) != 1 || got[0] != "Thumbs.db" {
		t.Errorf("named itself: %q", got)
	}
}
