package api

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mediaferry/mediaferry/tasks"
)

// Open opens a file of this inbox. It returns Missing where there is none of that name, and Denied for another source.
func (b *Inbox) Open(_ context.Context, source string) (tasks.File, error) {
	const op = "open file"
	src, err := tasks.ParseSource(source)
	if err != nil {
		return tasks.File{}, err
	}
	if src.Inbox != b.id {
		return tasks.File{}, &tasks.Error{Code: tasks.Denied, Op: op, Err: tasks.Textf("it is not in this inbox")}
	}
	root, err := os.OpenRoot(filepath.Join(b.dir, b.id))
	if err != nil {
		return tasks.File{}, unopened(err)
	}
	defer root.Close()
	f, err := root.Open(filepath.FromSlash(src.Path))
	if err != nil {
		return tasks.File{}, unopened(err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		err = unopened(err)
	case !info.Mode().IsRegular():
		err = &tasks.Error{Code: tasks.Denied, Op: op, Err: tasks.Textf("it is not a file")}
	default:
		return tasks.File{ReadCloser: f, Size: info.Size(), Modified: info.ModTime()}, nil
	}
	f.Close()
	return tasks.File{}, err
}

// unopened is an error without the path.
func unopened(err error) error {
	code := tasks.Storage
	if errors.Is(err, fs.ErrNotExist) {
		code = tasks.Missing
	}
	var of *fs.PathError
	if errors.As(err, &of) {
		err = of.Err
	}
	return &tasks.Error{Code: code, Op: "open file", Err: err}
}
