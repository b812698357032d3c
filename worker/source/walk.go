package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// chunk is how many names of one folder are held (and sorted) at once: about 1 MiB.
const chunk = 4096

// walk is one listing of a folder.
type walk struct {
	ident *identifier
	root  *os.Root
	src   tasks.Source // what is listed
	skip  func(name string, dir bool) bool
	yield func(Entry, error) bool
}

// errStopped ends a walk whose caller wants no more.
var errStopped = tasks.Textf("stopped")

func (s *Store) listFolder(ctx context.Context, at rooter, src tasks.Source, skip func(string, bool) bool, yield func(Entry, error) bool) {
	const op = "list source"
	root, err := at()
	if err != nil {
		yield(Entry{}, err)
		return
	}
	defer root.Close()
	w := walk{&s.ident, root, src, skip, yield}
	info, err := root.Stat(src.Path)
	switch {
	case err != nil:
		err = fault(op, src, err)
	case info.IsDir():
		err = w.folder(ctx, "")
	default:
		if err = regular(op, src, info); err == nil {
			err = w.file(path.Base(src.Path), src, info)
		}
	}
	if err != nil && !errors.Is(err, errStopped) {
		yield(Entry{}, err)
	}
}

// folder walks what is in name, a path below the listed folder; "" is that folder itself.
func (w *walk) folder(ctx context.Context, name string) error {
	const op = "list source"
	at := w.at(name)
	dir, err := w.root.OpenFile(at.Path, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return w.trouble(name, fault(op, at, err))
	}
	defer dir.Close()
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%s: %w", op, err)
		}
		entries, err := dir.ReadDir(chunk)
		slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
		for _, e := range entries {
			if err := w.entry(ctx, path.Join(name, e.Name()), e); err != nil {
				return err
			}
		}
		var errno syscall.Errno
		if errors.As(err, &errno) {
			return w.trouble(name, fault(op, at, err))
		}
		if err != nil || len(entries) == 0 { // io.EOF
			return nil
		}
	}
}

func (w *walk) entry(ctx context.Context, name string, e fs.DirEntry) error {
	const op = "list source"
	if w.skip(name, e.IsDir()) {
		return nil
	}
	if e.IsDir() {
		return w.folder(ctx, name)
	}
	at := w.at(name)
	info, err := w.root.Stat(at.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.Type()&fs.ModeSymlink == 0:
		return nil // removed since its name was read
	case err != nil:
		return w.trouble(name, fault(op, at, err))
	case info.IsDir():
		return w.trouble(name, denied(op, at, "a link to a folder is not followed: name that folder itself"))
	}
	if err := regular(op, at, info); err != nil {
		return w.trouble(name, err)
	}
	return w.file(name, at, info)
}

func (w *walk) file(name string, at tasks.Source, info fs.FileInfo) error {
	e := Entry{Source: at.String(), Name: name, Size: info.Size(), Modified: info.ModTime(), Identity: w.ident.file(w.root, at.Path, info, time.Now())}
	if !w.yield(e, nil) {
		return errStopped
	}
	return nil
}

// trouble reports what concerns one entry and goes on. Storage that can't be reached, or trouble with the listed
// folder itself, ends the walk.
func (w *walk) trouble(name string, err error) error {
	if name == "" || tasks.CodeOf(err) == tasks.Storage {
		return err
	}
	if !w.yield(Entry{Source: w.at(name).String(), Name: name}, err) {
		return errStopped
	}
	return nil
}

// at is the source of a name below the listed folder.
func (w *walk) at(name string) tasks.Source {
	return tasks.Source{Root: w.src.Root, Path: path.Join(w.src.Path, name)}
}
