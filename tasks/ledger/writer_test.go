package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

var writerContract = []testCase{
	{"a fenced member of a group fails nobody else", func(h *harness) {
		cs := h.runningN(8)
		must(h, h.Finish(h.Context(), cs[0].Token, failure(tasks.Rejected)))
		errs := h.oneGroup(len(cs), func(i int) error { return h.Finish(h.Context(), cs[i].Token, h.success("x")) })
		wantFenced(h, errs[0])
		for i, c := range cs[1:] {
			must(h, errs[i+1])
			h.wantState(c.ID, tasks.Succeeded)
		}
	}},
	{"the operations of a group run in the order of their uploads", func(h *harness) {
		var mu sync.Mutex
		var ran []byte
		for i, err := range h.oneGroup(16, func(i int) error {
			id := uuid.UUID{byte(16 - i)}
			return h.work(h.Context(), "note", id, func(*tx) error {
				mu.Lock()
				defer mu.Unlock()
				ran = append(ran, id[0])
				return nil
			})
		}) {
			if err != nil {
				h.Errorf("operation %d: %v", i, err)
			}
		}
		if len(ran) != 16 || !slices.IsSorted(ran) {
			h.Errorf("they ran as %v: two processes may lock rows crosswise", ran)
		}
	}},
	{"a statement that fails undoes and fails its own operation only", func(h *harness) {
		ids := h.submit(4)
		errs := h.oneGroup(5, func(i int) error {
			if i == 4 {
				return h.do(h.Context(), "break", func(t *tx) error {
					if _, err := t.Exec("UPDATE uploads SET identity = 'undone'"); err != nil {
						return err
					}
					_, err := t.Exec("INSERT INTO meta (key, value) VALUES ('k', NULL)")
					return err
				})
			}
			_, err := h.Cancel(h.Context(), ids[i])
			return err
		})
		if errs[4] == nil {
			h.Error("the broken operation did not fail")
		}
		for i, id := range ids {
			must(h, errs[i])
			h.wantState(id, tasks.Canceled)
		}
		if n := h.number("SELECT count(*) FROM uploads WHERE identity = 'undone'"); n != 0 || len(h.events()) != 4 {
			h.Errorf("%d rows of the broken operation stand, %d events", n, len(h.events()))
		}
	}},
	{"who gives up before the turn comes changes nothing, who gives up later gets the answer", func(h *harness) {
		id := h.submit(1)[0]
		ctx, cancel := context.WithCancel(h.Context())
		free := h.block()
		gone := make(chan error)
		go func() {
			_, err := h.Cancel(ctx, id)
			gone <- err
		}()
		h.queued(1)
		cancel()
		err := <-gone
		wantCode(h, err, tasks.Unavailable)
		if !errors.Is(err, context.Canceled) {
			h.Errorf("%v is not context.Canceled", err)
		}
		free()
		h.wantState(id, tasks.Queued)

		ctx, cancel = context.WithCancel(h.Context())
		err = h.do(ctx, "test", func(t *tx) error {
			cancel()
			_, err := t.Exec("UPDATE uploads SET identity = 'kept'")
			return err
		})
		if n := h.number("SELECT count(*) FROM uploads WHERE identity = 'kept'"); err != nil || n != 1 {
			h.Errorf("%v, %d rows; want the real answer", err, n)
		}
	}},
	{"closing ends what waits", func(h *harness) {
		l := h.another()
		id := h.submit(1)[0]
		started, release := make(chan struct{}), make(chan struct{})
		first, second := make(chan error), make(chan error)
		go func() {
			first <- l.do(h.Context(), "test", func(*tx) error {
				close(started)
				<-release
				return nil
			})
		}()
		<-started
		go func() {
			_, err := l.Cancel(h.Context(), id)
			second <- err
		}()
		taskstest.Until(h, "the cancel waits for the writer", func() bool { return len(l.writer.queue) == 1 })
		closed := make(chan error)
		go func() { closed <- l.Close() }()
		<-l.writer.quit
		close(release)
		must(h, <-first)
		wantCode(h, <-second, tasks.Unavailable)
		must(h, <-closed)
		wantCode(h, l.Ping(h.Context()), tasks.Unavailable)
		_, err := l.Cancel(h.Context(), id)
		wantCode(h, err, tasks.Unavailable)
	}},
	{"while many are under way outcomes share commits, and nothing else waits for company", func(h *harness) {
		l := h.another()
		l.writer.linger = time.Hour
		h.submit(10)
		ds, err := l.Dispatch(h.Context(), wide)
		must(h, err)
		var cs []tasks.Claim
		for _, d := range sentOf(ds) {
			c, err := claimOne(h.Ledger, d.ID, d.Generation, "w")
			must(h, err)
			cs = append(cs, c)
			l.writer.claims.begin(c.Token)
		}
		lone := make(chan error)
		go func() { lone <- l.Finish(h.Context(), cs[0].Token, h.success("x")) }()
		for { // would wait for an hour if it had to linger; it takes the outcome along once that waits
			_, err := l.Accept(h.Context(), []tasks.Upload{h.upload()})
			must(h, err)
			_, err = l.Dispatch(h.Context(), wide)
			must(h, err)
			select {
			case err := <-lone:
				must(h, err)
				return
			default:
			}
		}
	}},
	{"nobody waits for company while few are under way", func(h *harness) {
		l := h.another()
		l.writer.linger = time.Hour
		h.submit(lingerAbove)
		for _, d := range h.dispatch() {
			_, err := claimOne(l, d.ID, d.Generation, "w")
			must(h, err)
		}
		if n := l.writer.claims.count(); n != lingerAbove {
			h.Errorf("%d claims are counted, want %d", n, lingerAbove)
		}
	}},
	{"claims that have ended are not counted", func(h *harness) {
		cs := h.runningN(7)
		h.limit(func(a *tasks.Account) { a.DailyLimit = 1 })
		must(h, h.Finish(h.Context(), cs[0].Token, h.success("x")))
		must(h, h.Wait(h.Context(), cs[1].Token, tasks.Pause{For: time.Hour}))
		must(h, h.HandBack(h.Context(), cs[2].Token, 0, nil))
		h.admit(cs[3], "y", tasks.Proceed)
		h.admit(cs[4], "y", tasks.TwinAhead)
		h.admit(cs[5], "z", tasks.DaySpent)
		must(h, h.Finish(h.Context(), cs[0].Token, h.success("x")))
		wantFenced(h, h.Finish(h.Context(), tasks.Token{Upload: cs[6].ID}, h.success("w")))
		if n := h.writer.claims.count(); n != 2 {
			h.Errorf("%d claims are counted, want 2", n)
		}
		h.pass(2 * lease)
		h.takeOver()
		_, err := h.Renew(h.Context(), []tasks.Token{cs[3].Token, cs[6].Token}, lease)
		must(h, err)
		if n := h.writer.claims.count(); n != 0 {
			h.Errorf("%d claims are counted after they were lost", n)
		}
	}},
}

// block keeps the writer busy until free is called.
func (h *harness) block() (free func()) {
	started, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		done <- h.do(context.WithoutCancel(h.Context()), "block", func(*tx) error {
			close(started)
			<-release
			return nil
		})
	}()
	<-started
	return func() {
		close(release)
		must(h, <-done)
	}
}

// queued waits until n operations wait for the writer.
func (h *harness) queued(n int) {
	taskstest.Until(h, fmt.Sprintf("%d operations wait for the writer", n), func() bool { return len(h.writer.queue) >= n })
}

// oneGroup runs f(0) … f(n-1) so that they share one transaction, and returns their errors.
func (h *harness) oneGroup(n int, f func(int) error) []error {
	h.Helper()
	free := h.block()
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	h.queued(n)
	free()
	wg.Wait()
	return errs
}

// walCommits counts the transactions in SQLite's own log: the frames that carry the size of the database after a commit.
func walCommits(t testing.TB, path string) int {
	t.Helper()
	b, err := os.ReadFile(path + "-wal")
	must(t, err)
	const header, frame = 32, 24
	page := int(binary.BigEndian.Uint32(b[8:]))
	n := 0
	for at := header; at+frame+page <= len(b); at += frame + page {
		current := string(b[at+8:at+16]) == string(b[16:24]) // the salt of this log, not of one before it
		if current && binary.BigEndian.Uint32(b[at+4:]) != 0 {
			n++
		}
	}
	return n
}

func TestManyOutcomesNeedFewTransactions(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	path := strings.TrimPrefix(h.url, "sqlite:")
	cs := h.runningN(64)
	h.writer.linger = time.Hour // they wait for each other, and for nobody once all are there
	before := walCommits(t, path)
	together(len(cs), func(i int) {
		if err := h.Finish(h.Context(), cs[i].Token, h.success(cs[i].Source)); err != nil {
			t.Error(err)
		}
	})
	if n := walCommits(t, path) - before; n != 1 {
		t.Errorf("64 outcomes took %d transactions, want 1", n)
	}
}

func TestOperationsAreTriedAgainWhenTheDatabaseAsksForIt(t *testing.T) {
	t.Parallel()
	h := openSQLiteHarness(t)
	busy := errors.New("busy")
	usual := h.d.Fault
	h.d.Fault = func(err error) db.Fault {
		if errors.Is(err, busy) {
			return db.Fault{Again: true, Reason: "busy"}
		}
		return usual(err)
	}
	id := h.submit(1)[0]
	var runs atomic.Int32
	must(t, h.do(t.Context(), "test", func(tx *tx) error {
		r, err := tx.find(id)
		if err != nil {
			return err
		}
		if err := tx.conclude(&ending{row: r, state: tasks.Canceled}); err != nil {
			return err
		}
		if runs.Add(1) < 3 {
			return busy
		}
		return nil
	}))
	if n := len(h.events()); runs.Load() != 3 || n != 1 {
		t.Errorf("%d runs and %d events, want 3 and 1", runs.Load(), n)
	}
	err := h.do(t.Context(), "test", func(*tx) error { runs.Add(1); return busy })
	wantCode(t, err, tasks.Unavailable)
	if n := runs.Load(); n != 3+commitTries {
		t.Errorf("it was tried %d times, want %d", n-3, commitTries)
	}
}
