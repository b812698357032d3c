package ledger

import (
	"bufio"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
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
	read := func(t *tx, pragma string) (s string) {
		_, err := t.row("PRAGMA "+pragma, nil, &s)
		must(h, err)
		return s
	}
	must(t, h.do(t.Context(), "test", func(tx *tx) error {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "busy_timeout": "5000", "wal_autocheckpoint": "10000", "query_only": "0",
		} {
			if got := read(tx, pragma); got != want {
				t.Errorf("the writer's %s is %s, want %s", pragma, got, want)
			}
		}
		return nil
	}))
	must(t, h.view(t.Context(), "test", func(tx *tx) error {
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

func TestNetworkFileSystemsAreKnown(t *testing.T) {
	t.Parallel()
	if kind, err := networkFS(t.TempDir()); kind != "" || err != nil {
		t.Errorf("the temporary directory is on %q, %v", kind, err)
	}
	if _, err := networkFS(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(err) {
		t.Errorf("a directory that is not there: %v, want %v", err, fs.ErrNotExist)
	}
	const mounts = `22 1 0:20 / / rw - ext4 /dev/sda1 rw
23 22 0:21 / /mnt/far rw,nosuid shared:1 - fuse.sshfs host:/ rw
24 22 0:22 / /mnt/far/near rw - fuse.ntfs-3g /dev/sdb rw
nonsense
`
	for dir, want := range map[string]string{
		"/mnt/far": "fuse.sshfs", "/mnt/far/deep/er": "fuse.sshfs", "/mnt/far/near/x": "", "/mnt/farther": "", "/": "",
	} {
		if got := fuseKind(bufio.NewScanner(strings.NewReader(mounts)), dir); got != want {
			t.Errorf("%s is on %q, want %q", dir, got, want)
		}
	}
}

func TestAFullDiskIsSaidAndOver(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	var pages int
	pragma := func(p string) {
		must(t, h.do(t.Context(), "test", func(tx *tx) error {
			_, err := tx.row("PRAGMA "+p, nil, &pages)
			return err
		}))
	}
	pragma("page_count")
	pragma("max_page_count = " + numbers([]phase{phase(pages + 2)}))
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
