package source

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

// TestWatch plays what a storage root does in its life: a device number is what tells a mount from the empty folder
// it was mounted on, and mounting needs rights that a test may not have.
func TestWatch(t *testing.T) {
	t.Parallel()
	const system, disk, other = 1, 20, 21
	type look struct {
		dev   uint64
		under uint64
		want  error
	}
	for name, looks := range map[string][]look{
		"stays":                     {{disk, system, nil}, {disk, system, nil}},
		"unmounted, mounted again":  {{disk, system, nil}, {system, system, errUnmounted}, {system, system, errUnmounted}, {disk, system, nil}},
		"comes back as another":     {{disk, system, nil}, {system, system, errUnmounted}, {other, system, nil}, {system, system, errUnmounted}},
		"mounted over while at it":  {{system, system, nil}, {disk, system, nil}, {system, system, errUnmounted}},
		"never a mount":             {{system, system, nil}, {system, system, nil}},
		"a mount below a mount":     {{other, disk, nil}, {disk, system, errUnmounted}, {other, disk, nil}},
		"the whole tree moved away": {{disk, system, nil}, {other, system, nil}},
	} {
		w := watch{filled: true}
		for i, l := range looks {
			if err := w.see(l.dev, func() uint64 { return l.under }); !errors.Is(err, l.want) {
				t.Errorf("%s: look %d: %v, want %v", name, i, err, l.want)
			}
		}
	}
}

func TestBelow(t *testing.T) {
	t.Parallel()
	dev := func(path string) uint64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return uint64(info.Sys().(*syscall.Stat_t).Dev) //nolint:unconvert // int32 on darwin
	}
	if got, want := below("/proc/self", dev("/proc/self")), dev("/"); got != want || got == dev("/proc") {
		t.Errorf("below(/proc/self) = %d, want %d, the device of /", got, want)
	}
	if got, want := below("/proc/self/root", dev("/")), dev("/"); got != want {
		t.Errorf("below(a link to /) = %d, want %d: links are followed before their parents are asked", got, want)
	}
	if got, want := below("/", dev("/")), dev("/"); got != want {
		t.Errorf("below(/) = %d, want %d", got, want)
	}
}

func TestRootThatIsAway(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "root")
	var log bytes.Buffer
	s, err := New(Config{Root: root, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	check := func(when string, want tasks.Code) {
		t.Helper()
		if _, err := s.Open(t.Context(), "none.jpg"); tasks.CodeOf(err) != want || strings.Contains(err.Error(), root) {
			t.Errorf("%s: Open: %v, want %s, and not where the root is", when, err, want)
		}
		var got error
		for _, err := range s.List(t.Context(), "none", nil) {
			got = err
		}
		if tasks.CodeOf(got) != want {
			t.Errorf("%s: List: %v, want %s", when, got, want)
		}
		ready := tasks.Code("")
		if want == tasks.Storage {
			ready = want
		}
		if err := s.Ready(t.Context()); tasks.CodeOf(err) != ready {
			t.Errorf("%s: Ready: %v, want %q", when, err, ready)
		}
	}
	file := filepath.Join(root, "a.jpg")
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check("not there yet", tasks.Storage)
	do(os.Mkdir(root, 0o700))
	check("an empty folder, as before a mount", tasks.Storage)
	do(os.WriteFile(file, nil, 0o600))
	check("filled", tasks.Missing)
	do(os.Remove(file))
	check("emptied", tasks.Missing)
	do(os.Remove(root))
	check("gone", tasks.Storage)
	do(os.WriteFile(root, nil, 0o600))
	check("a file now", tasks.Storage)

	if got := [2]int{strings.Count(log.String(), "can't be read"), strings.Count(log.String(), "the storage root is back")}; got != [2]int{2, 1} {
		t.Errorf("logged %v times away and back, want [2 1]:\n%s", got, log.String())
	}
}

func TestListingOfAnEmptiedRootIsEmpty(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	s, err := New(Config{Root: root})
	if err != nil {
		t.Fatal(err)
	}
	list := func() (n int, err error) {
		for _, e := range s.List(t.Context(), ".", nil) {
			n, err = n+1, e
		}
		return n, err
	}
	if n, err := list(); tasks.CodeOf(err) != tasks.Storage {
		t.Errorf("a root that was never filled: %d entries, %v, want storage", n, err)
	}
	file := filepath.Join(root, "a")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if n, err := list(); n != 1 || err != nil {
		t.Errorf("one file: %d entries, %v", n, err)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if n, err := list(); n != 0 || err != nil {
		t.Errorf("emptied: %d entries, %v", n, err)
	}
}

// TestFault asks the table itself: root may read everything, and no test can make a disk fail.
func TestFault(t *testing.T) {
	t.Parallel()
	got := map[syscall.Errno]tasks.Code{}
	want := map[syscall.Errno]tasks.Code{
		syscall.ENOENT: tasks.Missing, syscall.ENOTDIR: tasks.Missing, syscall.ENAMETOOLONG: tasks.Missing,
		syscall.EACCES: tasks.Denied, syscall.EPERM: tasks.Denied, syscall.ELOOP: tasks.Denied, syscall.ENXIO: tasks.Denied, syscall.EISDIR: tasks.Denied,
		syscall.EIO: tasks.Storage, syscall.ESTALE: tasks.Storage, syscall.ENOTCONN: tasks.Storage, syscall.ETIMEDOUT: tasks.Storage,
		syscall.EHOSTDOWN: tasks.Storage, syscall.EMFILE: tasks.Storage, syscall.ENFILE: tasks.Storage, syscall.ENOMEM: tasks.Storage, syscall.EINVAL: tasks.Storage,
	}
	src := tasks.Source{Path: "a\x1b.jpg"}
	for errno := range want {
		cause := fmt.Errorf("wrapped: %w", &os.PathError{Op: "openat", Path: "/secret/root/a", Err: errno})
		err := fault("open source", src, cause)
		got[errno] = tasks.CodeOf(err)
		if !errors.Is(err, errno) || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%v: %q must keep the errno and tell neither the root nor a control character", errno, err)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("codes (-want +got):\n%s", diff)
	}
	if code := tasks.CodeOf(fault("read source", src, os.ErrClosed)); code != tasks.Internal {
		t.Errorf("a closed file: %s, want internal", code)
	}
}
