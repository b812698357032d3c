package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"github.com/mediaferry/mediaferry/tasks"
)

// fault turns what the operating system said about src into an error a person can act on. Only a plain "no such
// file" and "not allowed" judge the source; everything the table does not know is Storage, since a file that could
// not be judged must not be given up. The text names the source, never the path of the storage root.
func fault(op string, src tasks.Source, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("%s: %w", op, err)
	}
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		// os.Root says with an error of its own, which has no name, that a path leaves it.
		return denied(op, src, "a link leads out of the folder (an absolute link always does)")
	}
	e := &tasks.Error{Code: codeOf(errno), Op: op, Err: tasks.Textf("%s: %w", src.Display(), errno)}
	if errno == syscall.ENXIO || errno == syscall.EISDIR {
		e.Err = fmt.Errorf("%s: it is not a regular file: %w", src.Display(), errno)
	}
	return e
}

func codeOf(errno syscall.Errno) tasks.Code {
	switch errno {
	case syscall.ENOENT, syscall.ENOTDIR, syscall.ENAMETOOLONG:
		return tasks.Missing
	case syscall.EACCES, syscall.EPERM, syscall.ELOOP,
		syscall.ENXIO, syscall.EISDIR: // ENXIO: a socket, or a device without a driver
		return tasks.Denied
	}
	return tasks.Storage // EIO, ESTALE, ENOTCONN, ETIMEDOUT, EHOSTDOWN, EMFILE …
}

func denied(op string, src tasks.Source, reason string) error {
	return &tasks.Error{Code: tasks.Denied, Op: op, Err: tasks.Textf("%s: %s", src.Display(), reason)}
}

// unreachable says that the root itself, and with it everything below, can't be judged from here.
func unreachable(op string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err // without the path
	}
	return &tasks.Error{Code: tasks.Storage, Op: op, Err: err}
}

// faultReader maps the errors of Read, but for io.EOF.
type faultReader struct {
	io.ReadCloser
	src tasks.Source
}

func (r faultReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if err != nil && err != io.EOF { //nolint:errorlint // io.Reader promises io.EOF itself
		err = fault("read source", r.src, err)
	}
	return n, err
}
