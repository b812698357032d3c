package ledger

import (
	"os"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

func walSize(t *testing.T, h *harness) int64 {
	t.Helper()
	fi, err := os.Stat(strings.TrimPrefix(h.url, "sqlite:") + "-wal")
	must(t, err)
	return fi.Size()
}

func TestCheckpointEmptiesTheLog(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.submit(100)
	if walSize(t, h) == 0 {
		t.Fatal("there is no log to begin with")
	}
	must(t, h.Checkpoint(t.Context()))
	if n := walSize(t, h); n != 0 {
		t.Errorf("the log has %d bytes", n)
	}
	for range 12 { // the connection with other settings is nobody else's
		if n := h.number("SELECT timeout FROM pragma_busy_timeout"); n != 5000 {
			t.Fatalf("a reader waits %d ms", n)
		}
	}
}

func TestCheckpointWaitsForNobody(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	h.submit(10)
	must(t, h.engine.Snapshot(t.Context(), "test", func(read *db.Tx) error { // a reader that stays
		if _, err := read.Row("SELECT count(*) FROM uploads", nil, new(int)); err != nil {
			return err
		}
		h.submit(10)
		must(t, h.do(t.Context(), "test", func(*tx) error { return h.Checkpoint(t.Context()) })) // and a writer
		if walSize(t, h) == 0 {
			t.Error("the log that somebody reads was emptied")
		}
		_, err := read.Row("SELECT count(*) FROM uploads", nil, new(int))
		return err
	}))
	must(t, h.Checkpoint(t.Context()))
	if n := walSize(t, h); n != 0 {
		t.Errorf("the log has %d bytes when nobody is there", n)
	}
}
