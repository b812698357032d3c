package source

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/mediaferry/mediaferry/tasks"
)

// rooter opens the folder that a source lies in; the caller closes it.
type rooter func() (*os.Root, error)

// within opens a folder below another one, out of which no link leads.
func within(at rooter, folder string, src tasks.Source) rooter {
	return func() (*os.Root, error) {
		root, err := at()
		if err != nil {
			return nil, err
		}
		defer root.Close()
		below, err := root.OpenRoot(folder)
		if err != nil {
			return nil, fault("open folder", src, err)
		}
		return below, nil
	}
}

// openLocal opens the folder of a local source. One that is gone is Missing and not Storage: nobody will mount it
// again behind the person's back, and an outcome now is better than a command that waits for ever.
func openLocal(src tasks.Source) (*os.Root, error) {
	root, err := os.OpenRoot(src.Root)
	if err != nil {
		return nil, fault("open folder", src, err)
	}
	return root, nil
}

// mount is the storage root, which may be unmounted and mounted again while the process runs. It is opened anew for
// each call, so that the folder mounted now is the one that is read.
type mount struct {
	path  string // absolute
	log   *slog.Logger
	probe probe

	mu    sync.Mutex
	watch watch
	away  bool // it was away when last looked at
}

func newMount(path string, log *slog.Logger) *mount {
	m := &mount{path: path, log: log}
	m.probe = probe{what: "the storage root", look: m.read}
	return m
}

// open returns the storage root, or Storage if it is away. It does not touch one that is known to hang.
func (m *mount) open() (*os.Root, error) {
	if err := m.probe.hangs(); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(m.path)
	if err != nil {
		return nil, m.note(unreachable("open storage root", err))
	}
	if err := m.note(m.check(root)); err != nil {
		root.Close()
		return nil, err
	}
	return root, nil
}

// ready reports whether the root answers, is there, and its names can be read.
func (m *mount) ready(ctx context.Context) error {
	err := m.probe.answer(ctx)
	if errors.Is(err, errSilent) {
		return m.note(err)
	}
	return err
}

// read reads a name of the root.
func (m *mount) read() error {
	root, err := m.open()
	if err != nil {
		return err
	}
	defer root.Close()
	if _, err := empty(root); err != nil {
		return unreachable("read storage root", err)
	}
	return nil
}

// check judges the opened root by its device, and until something was seen in it by whether it is empty.
func (m *mount) check(root *os.Root) error {
	const op = "open storage root"
	info, err := root.Stat(".")
	if err != nil {
		return unreachable(op, err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	w := m.seen() // the lock is not held while the storage is asked: it may hang
	if !w.filled {
		none, err := empty(root)
		if err != nil {
			return unreachable(op, err)
		}
		w.filled = !none
	}
	err = w.see(uint64(st.Dev), func() uint64 { return below(m.path, uint64(st.Dev)) }) //nolint:unconvert // int32 on darwin
	m.keep(w)
	if err != nil {
		return &tasks.Error{Code: tasks.Storage, Op: op, Err: err}
	}
	return nil
}

func (m *mount) seen() watch {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.watch
}

func (m *mount) keep(w watch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.filled = w.filled || m.watch.filled
	m.watch = w
}

// note logs when the root goes away and when it is back, once each, and returns err.
func (m *mount) note(err error) error {
	m.mu.Lock()
	changed := m.away != (err != nil)
	m.away = err != nil
	m.mu.Unlock()
	switch {
	case changed && err != nil:
		m.log.Warn("the storage root can't be read: uploads wait until it is back", "root", m.path, "error", err)
	case changed:
		m.log.Info("the storage root is back", "root", m.path)
	}
	return err
}

// watch remembers on which device the storage root was, and on which one its mount point lies. A folder that is
// still there but has moved to the device below lost its mount: its missing files are not missing.
type watch struct {
	filled bool   // something was seen in it
	known  bool   // dev and under are set
	dev    uint64 // the device of the root
	under  uint64 // the device its mount point lies on; dev itself where the root is on the system's own
}

var (
	errUnmounted = tasks.Textf("nothing is mounted there any more")
	errHollow    = tasks.Textf("it is empty and was never seen otherwise: is it mounted?")
)

// see judges a root found on dev. under is asked on which device dev's mount point lies.
func (w *watch) see(dev uint64, under func() uint64) error {
	switch {
	case w.known && dev != w.dev && dev == w.under:
		return errUnmounted
	case !w.known || dev != w.dev:
		w.known, w.dev, w.under = true, dev, under()
	}
	if !w.filled {
		return errHollow
	}
	return nil
}

// below returns the device of the closest folder above path that is not on dev, or dev.
func below(path string, dev uint64) uint64 {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	for path != filepath.Dir(path) {
		path = filepath.Dir(path)
		info, err := os.Stat(path)
		if err != nil {
			return dev
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && uint64(st.Dev) != dev { //nolint:unconvert // int32 on darwin
			return uint64(st.Dev) //nolint:unconvert // int32 on darwin
		}
	}
	return dev
}

// empty reports whether there is no name in the root.
func empty(root *os.Root) (bool, error) {
	dir, err := root.Open(".")
	if err != nil {
		return false, fmt.Errorf("open: %w", err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(1)
	if len(names) > 0 {
		return false, nil
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return false, fmt.Errorf("read: %w", err)
	}
	return true, nil
}
