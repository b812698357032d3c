package ledger

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

const opBackup = "back up ledger"

// Backup writes a copy of the ledger, as it is at one moment, to a new file at path. Nobody has to stop working for it.
// The copy is a ledger: open it, or put it in the place of a lost one. The file appears whole and durable, with mode
// 0600, or not at all. A file that exists is a Conflict, unless overwrite is true. Backup has no time limit of its own:
// bound it by ctx. On PostgreSQL it returns Invalid, since PostgreSQL has tools of its own.
func (l *Ledger) Backup(ctx context.Context, path string, overwrite bool) error {
	if l.d.Concurrent {
		return &tasks.Error{
			Code: tasks.Invalid, Op: opBackup, Err: tasks.Textf("a PostgreSQL ledger is backed up by PostgreSQL's own tools"),
			Hint: "run: pg_dump --format=custom --file=FILE, with the ledger's URL",
		}
	}
	if err := l.vacant(ctx, path, overwrite); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.part") // mode 0600, and in the file system of its final place
	if err != nil {
		return unwritable(err)
	}
	part := f.Name()
	defer os.Remove(part)
	if err := f.Close(); err != nil {
		return unwritable(err)
	}
	if err := l.copyTo(ctx, part); err != nil {
		if ctx.Err() == nil && l.d.Gone(err) {
			return unwritable(err)
		}
		return l.d.Explain(opBackup, err)
	}
	if err := durable(part); err != nil {
		return unwritable(err)
	}
	if err := place(part, path, overwrite); err != nil {
		return err
	}
	if err := durable(dir); err != nil {
		return unwritable(err)
	}
	return nil
}

// vacant reports what keeps path from being written.
func (l *Ledger) vacant(ctx context.Context, path string, overwrite bool) error {
	there, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return unwritable(err)
	}
	if !overwrite {
		return occupied(path)
	}
	refuse := func(format string, args ...any) error {
		return &tasks.Error{Code: tasks.Invalid, Op: opBackup, Err: tasks.Textf(format, args...), Hint: "choose another file"}
	}
	if !there.Mode().IsRegular() {
		return refuse("%s is no file that could be replaced", path)
	}
	own, err := l.file(ctx)
	if err != nil {
		return err
	}
	if fi, err := os.Stat(own); err == nil && os.SameFile(fi, there) {
		return refuse("%s is the ledger itself", path)
	}
	for _, suffix := range []string{"-wal", "-journal"} {
		if _, err := os.Lstat(path + suffix); err == nil {
			return refuse("%s is a database in use: there is %s beside it", path, filepath.Base(path)+suffix)
		}
	}
	return nil
}

func occupied(path string) error {
	return &tasks.Error{Code: tasks.Conflict, Op: opBackup, Err: tasks.Textf("there is a file %s already", path), Hint: "choose another one, or allow it to be replaced (--force)"}
}

func unwritable(err error) error {
	return &tasks.Error{Code: tasks.Unavailable, Op: opBackup, Err: err, Hint: "choose a file that can be written, where there is room"}
}

// file returns the path of the ledger.
func (l *Ledger) file(ctx context.Context) (path string, err error) {
	err = l.engine.Snapshot(ctx, opBackup, func(t *db.Tx) error {
		_, err := t.Row("SELECT file FROM pragma_database_list WHERE name = 'main'", nil, &path)
		return err
	})
	return path, err
}

// copyTo writes the copy into an empty file.
func (l *Ledger) copyTo(ctx context.Context, path string) error {
	return l.engine.Dedicated(ctx, func(s *db.Session) error {
		if _, err := s.Exec(ctx, "PRAGMA query_only(0)"); err != nil { // it forbids writing to other files too
			return err
		}
		_, err := s.Exec(ctx, "VACUUM INTO ?", path)
		return err
	})
}

func durable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// place gives the copy its name. Without overwrite it never replaces a file that appeared meanwhile.
func place(part, path string, overwrite bool) error {
	if !overwrite {
		err := os.Link(part, path)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fs.ErrExist):
			return occupied(path)
		} // a file system without links
	}
	if err := os.Rename(part, path); err != nil {
		return unwritable(err)
	}
	return nil
}
