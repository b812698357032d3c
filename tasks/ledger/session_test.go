package ledger

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

var sessionContract = []testCase{
	{"a session lives until it is ended, and speaks for its key", func(h *harness) {
		s := tasks.Session{Hash: tasks.HashOf([]byte("s")), Key: tasks.HashOf([]byte("k"))}
		must(h, h.AddSession(h.Context(), s, time.Hour))
		got := value(h, h.Session)(h.Context(), s.Hash)
		if got.Key != s.Key || got.Ends.IsZero() {
			h.Errorf("%+v", got)
		}
		must(h, h.ExtendSession(h.Context(), s.Hash, 2*time.Hour))
		if later := value(h, h.Session)(h.Context(), s.Hash); !later.Ends.After(got.Ends) {
			h.Errorf("it ends at %s, before at %s", later.Ends, got.Ends)
		}
		must(h, h.EndSession(h.Context(), s.Hash))
		_, err := h.Session(h.Context(), s.Hash)
		wantCode(h, err, tasks.NotFound)
	}},
	{"a session that is over is none, can't be extended, and is pruned", func(h *harness) {
		s := tasks.Session{Hash: tasks.HashOf([]byte("s"))}
		must(h, h.AddSession(h.Context(), s, -time.Second))
		must(h, h.ExtendSession(h.Context(), s.Hash, time.Hour))
		_, err := h.Session(h.Context(), s.Hash)
		wantCode(h, err, tasks.NotFound)
		live := tasks.Session{Hash: tasks.HashOf([]byte("live"))}
		must(h, h.AddSession(h.Context(), live, time.Hour))
		for n := 1; n > 0; {
			var err error
			n, err = h.Prune(h.Context(), 24*time.Hour, 100)
			must(h, err)
		}
		var left int
		must(h, h.engine.Snapshot(h.Context(), "test", func(t *db.Tx) error {
			_, err := t.Row("SELECT count(*) FROM sessions", nil, &left)
			return err
		}))
		same(h, "sessions left", left, 1)
	}},
	{"a link signs in once, in time, and is no session itself", func(h *harness) {
		link, key := tasks.HashOf([]byte("l")), tasks.HashOf([]byte("k"))
		must(h, h.AddLink(h.Context(), tasks.Session{Hash: link, Key: key}, time.Minute))
		_, err := h.Session(h.Context(), link)
		wantCode(h, err, tasks.NotFound)
		must(h, h.EndSession(h.Context(), link))
		s, err := h.UseLink(h.Context(), link, tasks.HashOf([]byte("s")), time.Hour)
		must(h, err)
		same(h, "the key", s.Key, key)
		same(h, "the session's key", value(h, h.Session)(h.Context(), s.Hash).Key, key)
		_, err = h.UseLink(h.Context(), link, tasks.HashOf([]byte("again")), time.Hour)
		wantCode(h, err, tasks.NotFound)
		_, err = h.UseLink(h.Context(), s.Hash, tasks.HashOf([]byte("a session is no link")), time.Hour)
		wantCode(h, err, tasks.NotFound)
		must(h, h.AddLink(h.Context(), tasks.Session{Hash: link}, -time.Second))
		_, err = h.UseLink(h.Context(), link, tasks.HashOf([]byte("late")), time.Hour)
		wantCode(h, err, tasks.NotFound)
	}},
}

// Of many who use a link at once, one is signed in.
func TestOneOfManyUsesALink(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	other := h.another()
	link := tasks.HashOf([]byte("l"))
	must(h, h.AddLink(h.Context(), tasks.Session{Hash: link}, time.Minute))
	used := make(chan error, 8)
	together(cap(used), func(i int) {
		_, err := []*Ledger{h.Ledger, other}[i%2].UseLink(h.Context(), link, tasks.HashOf([]byte{byte(i)}), time.Hour)
		used <- err
	})
	n := 0
	for range cap(used) {
		if <-used == nil {
			n++
		}
	}
	same(h, "signed in", n, 1)
}
