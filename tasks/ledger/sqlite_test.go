package ledger

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

func TestSQLiteFileIsPrivate(t *testing.T) {
	t.Parallel()
	h := openDurableHarness(t)
	h.submit(1)
	path := strings.TrimPrefix(h.url, "sqlite:")
	for _, p := range []string{path, path + "-wal", path + "-shm"} {
		fi, err := os.Stat(p)
		must(t, err)
		if fi.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", filepath.Base(p), fi.Mode())
		}
	}
}

func TestSQLitePragmas(t *testing.T) {
	t.Parallel()
	h := openDurableHarness(t)
	read := func(t *db.Tx, pragma string) (s string) {
		_, err := t.Row("PRAGMA "+pragma, nil, &s)
		must(h, err)
		return s
	}
	must(t, h.do(t.Context(), "test", func(tx *tx) error {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "wal_autocheckpoint": "10000", "query_only": "0",
		} {
			if got := read(tx.Tx, pragma); got != want {
				t.Errorf("the writer's %s is %s, want %s", pragma, got, want)
			}
		}
		return nil
	}))
	must(t, h.engine.Snapshot(t.Context(), "test", func(tx *db.Tx) error {
		if got := read(tx, "query_only"); got != "1" {
			t.Errorf("the readers' query_only is %s, want 1", got)
		}
		return nil
	}))
}

func TestSQLitePlaces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	odd := filepath.Join(dir, "odd ?#%41 名.db")
	l, err := Open(t.Context(), "sqlite:"+odd, Options{})
	must(t, err)
	must(t, l.Close())
	if _, err := os.Stat(odd); err != nil {
		t.Errorf("the file is not where it should be: %v", err)
	}
	text := filepath.Join(dir, "text")
	must(t, os.WriteFile(text, []byte(strings.Repeat("this is no database\n", 100)), 0o600))
	for url, want := range map[string]tasks.Code{
		"sqlite:":         tasks.Invalid,
		"sqlite::memory:": tasks.Invalid,
		"sqlite:" + filepath.Join(dir, "no", "db"): tasks.Invalid,
		"sqlite:" + dir:                    tasks.Unavailable,
		"sqlite:" + text:                   tasks.Unavailable,
		"mysql://root:secret@host/db":      tasks.Invalid,
		"postgres://u:secret@host:port/db": tasks.Invalid,
	} {
		_, err := Open(t.Context(), url, Options{})
		wantCode(t, err, want)
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in %q", err)
		}
	}
}

func TestAFullDiskIsSaidAndOver(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	var pages int
	pragma := func(p string) {
		must(t, h.do(t.Context(), "test", func(tx *tx) error {
			_, err := tx.Row("PRAGMA "+p, nil, &pages)
			return err
		}))
	}
	pragma("page_count")
	pragma("max_page_count = " + schema.Numbers([]schema.Phase{schema.Phase(pages + 2)}))
	big := make([]tasks.Upload, 200)
	for i := range big {
		big[i] = h.upload()
	}
	_, err := h.Accept(t.Context(), big)
	wantCode(t, err, tasks.Unavailable)
	if e := tasks.AsError(err); err != nil && (!strings.Contains(err.Error(), "disk") || e.Hint == "") {
		t.Errorf("%v does not tell of the disk, or has no hint (%q)", err, e.Hint)
	}
	if n := h.number("SELECT count(*) FROM uploads"); n != 0 {
		t.Errorf("%d of the refused uploads are there", n)
	}
	pragma("max_page_count = 1000000")
	if rs, err := h.Accept(t.Context(), big); err != nil || len(rs) != 200 {
		t.Errorf("after that: %d receipts, %v", len(rs), err)
	}
}

func TestAnotherProcessMayKeepTheFileLocked(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	other := h.another()
	locked, release, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- other.do(context.WithoutCancel(t.Context()), "lock", func(*tx) error {
			close(locked)
			<-release
			return nil
		})
	}()
	<-locked
	accepted := make(chan error)
	go func() {
		_, err := h.Accept(t.Context(), []tasks.Upload{h.upload()})
		accepted <- err
	}()
	if _, err := h.Status(t.Context()); err != nil {
		t.Errorf("a reader waits for the writer: %v", err)
	}
	close(release)
	must(t, <-done)
	must(t, <-accepted)
}
