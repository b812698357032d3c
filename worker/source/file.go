package source

import (
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// openFile opens a regular file by its name below a folder. O_NONBLOCK keeps a FIFO from blocking it for ever; what was opened
// is judged by its descriptor, so that nothing can be put in its place in between.
func (s *Store) openFile(at rooter, name string, src tasks.Source) (tasks.File, error) {
	const op = "open source"
	root, err := at()
	if err != nil {
		return tasks.File{}, err
	}
	defer root.Close()
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return tasks.File{}, looked(root.FS(), name, fault(op, src, err))
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(op, src, info)
	} else {
		err = fault(op, src, err)
	}
	if err != nil {
		f.Close()
		return tasks.File{}, err
	}
	return tasks.File{
		ReadCloser: faultReader{f, src},
		Size:       info.Size(),
		Modified:   info.ModTime(),
		Identity:   s.ident.file(root, name, info, time.Now()),
		Verify:     func() error { return verify(at, name, src, f, info) },
	}, nil
}

// verify reports whether f, and what the name leads to now, is still as it was opened. Size and times betray a
// writer, the inode a file that was put in its place.
func verify(at rooter, name string, src tasks.Source, f *os.File, opened fs.FileInfo) error {
	const op = "verify source"
	held, err := f.Stat()
	if err != nil {
		return fault(op, src, err)
	}
	root, err := at()
	if err != nil {
		return err
	}
	defer root.Close()
	named, err := root.Stat(name)
	if err != nil {
		err = fault(op, src, err)
		if tasks.CodeOf(err) == tasks.Storage {
			return err
		}
		return changed(op, src, "it is gone")
	}
	switch {
	case !os.SameFile(named, opened): // first: to be unlinked changes the ctime, too
		return changed(op, src, "another file was put in its place")
	case !same(held, opened):
		return changed(op, src, "it was written to")
	}
	return nil
}

func same(a, b fs.FileInfo) bool {
	before, _ := stampOf(a)
	after, _ := stampOf(b)
	return a.Size() == b.Size() && a.ModTime().Equal(b.ModTime()) && before.changed.Equal(after.changed)
}

func changed(op string, src tasks.Source, how string) error {
	return &tasks.Error{Code: tasks.Changed, Op: op, Err: tasks.Textf("%s: %s while it was read", src.Display(), how)}
}

// regular refuses all that is not a regular file, by name.
func regular(op string, src tasks.Source, info fs.FileInfo) error {
	mode := info.Mode()
	switch {
	case mode.IsRegular():
		return nil
	case mode.IsDir():
		return denied(op, src, "it is a folder, not a file")
	case mode&fs.ModeNamedPipe != 0:
		return denied(op, src, "it is a named pipe, not a file")
	case mode&fs.ModeSocket != 0:
		return denied(op, src, "it is a socket, not a file")
	case mode&fs.ModeDevice != 0:
		return denied(op, src, "it is a device, not a file")
	}
	return denied(op, src, "it is not a regular file")
}
