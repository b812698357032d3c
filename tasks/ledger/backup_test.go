package ledger

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/ledgertest"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

func TestBackupWhileEverybodyWorks(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.ended(20, withCallback)
	dir := t.TempDir()
	stop := make(chan struct{})
	together(2, func(i int) {
		if i == 1 {
			for n := 0; ; n++ {
				b := h.batch(tasks.Batch{})
				h.ended(2, in(b.ID))
				must(h, h.Seal(t.Context(), b.ID, false))
				select {
				case <-stop:
					return
				default:
				}
			}
		}
		defer close(stop)
		for n := range 5 {
			path := filepath.Join(dir, "copy"+string(rune('0'+n)))
			must(t, h.Backup(t.Context(), path, false))
			copied, err := Open(t.Context(), "sqlite:"+path, Options{Now: h.clock.now})
			must(t, err)
			if copied.ID() != h.ID() {
				t.Error("the copy is another ledger")
			}
			fs, err := copied.Verify(t.Context(), view.VerifyOptions{})
			must(t, err)
			if len(fs) > 0 {
				t.Errorf("the copy: %+v", fs)
			}
			page, _, err := copied.List(t.Context(), tasks.Filter{Limit: 1000})
			if err != nil || len(page) < 20 {
				t.Errorf("the copy has %d uploads (%v)", len(page), err)
			}
			must(t, copied.Close())
			fi, err := os.Stat(path)
			if err != nil || fi.Mode().Perm() != 0o600 {
				t.Errorf("the copy: %v %v", fi.Mode(), err)
			}
		}
	})
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); left != nil {
		t.Errorf("left behind: %v", left)
	}
	h.submit(1) // the connections are as they were
	must(t, h.engine.Snapshot(t.Context(), "test", func(tx *db.Tx) error {
		if _, err := tx.Exec("DELETE FROM uploads"); err == nil {
			t.Error("a reader may write")
		}
		return nil
	}))
}

func TestBackupReplacesOnlyWhatItMay(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.submit(1)
	own := strings.TrimPrefix(h.url, "sqlite:")
	dir := t.TempDir()
	there := filepath.Join(dir, "there")
	write := func(path string) { must(t, os.WriteFile(path, []byte("precious"), 0o644)) }
	write(there)
	wantCode(t, h.Backup(t.Context(), there, false), tasks.Conflict)
	if b, err := os.ReadFile(there); err != nil || string(b) != "precious" {
		t.Errorf("it was replaced: %q %v", b, err)
	}
	write(there + "-wal")
	wantCode(t, h.Backup(t.Context(), there, true), tasks.Invalid)
	must(t, os.Remove(there+"-wal"))
	must(t, h.Backup(t.Context(), there, true))

	linked := filepath.Join(dir, "linked")
	must(t, os.Link(own, linked))
	for _, path := range []string{own, linked, dir} {
		wantCode(t, h.Backup(t.Context(), path, true), tasks.Invalid)
	}
	wantCode(t, h.Backup(t.Context(), filepath.Join(dir, "nowhere", "copy"), false), tasks.Unavailable)
	h.submit(1)
	if left, _ := filepath.Glob(filepath.Join(dir, "*.part")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

func TestAFileThatCameUpMeanwhileIsNotReplaced(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	part, path := filepath.Join(dir, "part"), filepath.Join(dir, "copy")
	must(t, os.WriteFile(part, []byte("new"), 0o600))
	must(t, os.WriteFile(path, []byte("precious"), 0o600))
	wantCode(t, place(part, path, false), tasks.Conflict)
	if b, err := os.ReadFile(path); err != nil || string(b) != "precious" {
		t.Errorf("it was replaced: %q %v", b, err)
	}
}

func TestPostgresIsNotBackedUpByUs(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	path := filepath.Join(t.TempDir(), "copy")
	err := h.Backup(t.Context(), path, false)
	wantCode(t, err, tasks.Invalid)
	if err != nil && !strings.Contains(tasks.AsError(err).Hint, "pg_dump") {
		t.Errorf("%v does not say how", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file all the same")
	}
}

// A PostgreSQL ledger comes back from a dump by the commands that restore --help shows.
func TestAPostgresLedgerComesBackFromADump(t *testing.T) {
	t.Parallel()
	h := &harness{T: t, url: ledgertest.Database(t)}
	h.Ledger = h.another()
	done := h.running()
	must(t, h.Finish(t.Context(), done.Token, h.success("a")))
	open := h.submit(1)[0]
	file := filepath.Join(t.TempDir(), "ledger.dump")
	run := func(program string, args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), taskstest.Tool(t, program), args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", program, err, out)
		}
	}
	run("pg_dump", "--format=custom", "--file="+file, h.url)
	h.submit(1) // is not in the dump

	r := &harness{T: t, url: ledgertest.Database(t), names: 1000}
	run("pg_restore", "--no-owner", "--dbname="+r.url, file)
	r.Ledger = r.another()
	if r.ID() != h.ID() {
		t.Error("it is another ledger")
	}
	if n := r.number("SELECT count(*) FROM uploads"); n != 2 {
		t.Errorf("%d uploads are there, 2 were in the dump", n)
	}
	r.wantState(done.ID, tasks.Succeeded)
	must(t, r.Finish(t.Context(), r.again().Token, r.success("b")))
	r.wantState(open, tasks.Succeeded)
	r.clean()
}
