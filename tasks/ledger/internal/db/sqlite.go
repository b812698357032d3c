package db

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// connectSQLite opens the file at path. It creates it with mode 0600, since a ledger is confidential.
// The pragmas are in the DSN because a statement would reach one pooled connection only.
func connectSQLite(path string) (*Handle, error) {
	if err := placeable(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, &tasks.Error{Code: tasks.Unavailable, Op: "open ledger", Err: err, Hint: "choose a file that can be written, in a directory that exists"}
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	common := []string{"busy_timeout(5000)", "foreign_keys(1)", "cache_size(-16000)", "temp_store(MEMORY)"}
	writes, err := sql.Open("sqlite", dsn(path, append(common, "journal_mode(WAL)", "synchronous(FULL)", "wal_autocheckpoint(10000)")))
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	h := &Handle{Dialect: newSQLite(), Writes: writes}
	for _, pool := range []**sql.DB{&h.Reads, &h.Views} {
		if *pool, err = sql.Open("sqlite", dsn(path, append(common, "query_only(1)"))); err != nil {
			return nil, errors.Join(fmt.Errorf("open ledger: %w", err), h.Close())
		}
	}
	h.limit(4, 4)
	return h, nil
}

func newSQLite() *Dialect {
	return &Dialect{
		Name:       "sqlite",
		prepares:   true,
		beginRead:  "BEGIN",
		BeginWrite: "BEGIN IMMEDIATE",
		like:       "LIKE",
		Fault:      sqliteFault,
	}
}

func dsn(path string, pragmas []string) string {
	q := url.Values{"_pragma": pragmas, "_txlock": {"immediate"}}
	return "file:" + strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23").Replace(path) + "?" + q.Encode()
}

// placeable refuses a path on which SQLite's locks or its shared memory don't work.
func placeable(path string) error {
	refuse := func(hint, format string, args ...any) error {
		return &tasks.Error{Code: tasks.Invalid, Op: "open ledger", Err: tasks.Textf(format, args...), Hint: hint}
	}
	if path == "" || strings.Contains(path, ":memory:") {
		return refuse("give sqlite:PATH", "an SQLite ledger needs a file")
	}
	dir := filepath.Dir(path)
	switch kind, err := networkFS(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return refuse("make the directory first", "there is no directory %s", dir)
	case err != nil:
		return refuse("", "look at %s: %w", dir, err)
	case kind != "":
		return refuse("use a local disk, or a PostgreSQL ledger", "%s is on a network file system (%s), where SQLite loses data", dir, kind)
	}
	return nil
}

func sqliteFault(err error) Fault {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return Fault{}
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return Fault{Again: true, Reason: "another process keeps the ledger locked", hint: "try again"}
	case sqlite3.SQLITE_FULL:
		return Fault{gone: true, Reason: "the disk of the ledger is full", hint: "free some space: it goes on by itself"}
	case sqlite3.SQLITE_READONLY:
		return Fault{gone: true, Reason: "the ledger can't be written", hint: "check the permissions of its file and directory"}
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH:
		return Fault{gone: true, Reason: "the ledger can't be opened", hint: "check the path and the permissions"}
	case sqlite3.SQLITE_IOERR:
		return Fault{gone: true, Reason: "the disk of the ledger fails", hint: "check the disk: it goes on by itself once it works"}
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return Fault{gone: true, Reason: "the file is damaged or no ledger", hint: "check the path, or restore a backup"}
	case sqlite3.SQLITE_INTERRUPT:
		return Fault{gone: true, Reason: "the database did not answer in time", hint: "try again"}
	}
	return Fault{}
}
