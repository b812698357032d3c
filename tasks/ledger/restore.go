package ledger

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

const opRestore = "restore ledger"

// Restored is what a restored ledger has.
type Restored struct {
	Uploads int
	Open    int       // without an outcome: they are carried again
	Newest  time.Time // when the newest upload was submitted; zero: there is none
}

// Restore makes the SQLite ledger at path from a copy: what Backup wrote, or the file of a ledger that nobody had open, with
// its -wal or -journal beside it. It only reads the copy. The ledger has this program's schema, and appears whole and durable or
// not at all. Restore returns Conflict where there is a ledger at path, or what is left of one, and Invalid for a file that is no
// ledger.
func Restore(ctx context.Context, from, path string) (Restored, error) {
	if err := untouched(path); err != nil {
		return Restored{}, err
	}
	if err := sqliteFile(from); err != nil {
		return Restored{}, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".restore-*") // where there is room for the ledger itself
	if err != nil {
		return Restored{}, &tasks.Error{Code: tasks.Unavailable, Op: opRestore, Err: err}
	}
	defer os.RemoveAll(dir)
	part := filepath.Join(dir, "ledger.db")
	for _, suffix := range []string{"", "-wal", "-journal"} {
		if err := copyFile(from+suffix, part+suffix); err != nil && (suffix == "" || !errors.Is(err, fs.ErrNotExist)) {
			return Restored{}, &tasks.Error{Code: tasks.Unavailable, Op: opRestore, Err: err}
		}
	}
	if err := isLedger(ctx, part); err != nil {
		return Restored{}, err
	}
	l, err := Open(ctx, "sqlite:"+part, Options{Alone: true})
	if err != nil {
		return Restored{}, err
	}
	defer l.Close()
	r, err := l.restored(ctx)
	if err != nil {
		return r, err
	}
	return r, l.Backup(ctx, path, false)
}

// untouched returns Conflict where there is a file of a ledger. A log that is left of another one would be read as part of
// what is put beside it.
func untouched(path string) error {
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		if _, err := os.Lstat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			occupied := &tasks.Error{Code: tasks.Conflict, Op: opRestore, Err: tasks.Textf("there is a file %s already", path+suffix)}
			return occupied.Advise("stop every process of this ledger, and move its files away: %s, and those with -wal, -shm and -journal behind it", path)
		}
	}
	return nil
}

// sqliteFile returns Invalid for a file that is not SQLite's.
func sqliteFile(path string) error {
	const magic = "SQLite format 3\x00"
	f, err := os.Open(path)
	if err != nil {
		return &tasks.Error{Code: tasks.Invalid, Op: opRestore, Err: err}
	}
	defer f.Close()
	head := make([]byte, len(magic))
	if _, err := io.ReadFull(f, head); err != nil || string(head) != magic {
		return noLedger(path)
	}
	return nil
}

func noLedger(path string) error {
	return &tasks.Error{Code: tasks.Invalid, Op: opRestore, Err: tasks.Textf("%s is no ledger", path), Hint: "give the FILE that mediaferry backup wrote"}
}

// isLedger returns Invalid for a database that no process has opened as a ledger.
func isLedger(ctx context.Context, path string) error {
	h, err := db.ConnectThrough("sqlite:"+path, nil)
	if err != nil {
		return err
	}
	defer func() { _ = h.Close() }() // it was only read
	m, err := newMigrator(h, Options{})
	if err != nil {
		return err
	}
	if s, err := m.inspect(ctx); err != nil {
		return explain(h, opRestore, err)
	} else if !s.made {
		return noLedger(path)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// restored counts what the ledger has.
func (l *Ledger) restored(ctx context.Context) (Restored, error) {
	var r Restored
	status, err := l.Status(ctx)
	if err != nil {
		return r, err
	}
	for state, n := range status.Counts {
		r.Uploads += n
		if !state.Final() {
			r.Open += n
		}
	}
	newest, _, err := l.List(ctx, tasks.Filter{Limit: 1})
	if err == nil && len(newest) > 0 {
		r.Newest = newest[0].Submitted
	}
	return r, err
}
