package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/schema"
)

func TestPostgresGoesByItsOwnClock(t *testing.T) {
	t.Parallel()
	h := openTimedHarness(t)
	skewed := func(by time.Duration) *Ledger {
		l, err := Open(t.Context(), h.url, Options{Now: func() time.Time { return time.Now().Add(by) }})
		must(t, err)
		t.Cleanup(func() { must(t, l.Close()) })
		return l
	}
	fast, slow := skewed(24*time.Hour), skewed(-24*time.Hour)
	c := h.running()
	for _, l := range []*Ledger{fast, slow} {
		if n, err := l.TakeOver(t.Context(), 0, 10); err != nil || n != 0 {
			t.Errorf("%d were taken over (%v) from a lease that runs", n, err)
		}
	}
	must(t, slow.Wait(t.Context(), c.Token, tasks.Pause{For: time.Hour}))
	if n, err := fast.Mature(t.Context(), 10); err != nil || n != 0 {
		t.Errorf("%d matured an hour early (%v)", n, err)
	}
	if ok, err := slow.Lead(t.Context(), "r", "slow", time.Minute); err != nil || !ok {
		t.Error(ok, err)
	}
	if ok, err := fast.Lead(t.Context(), "r", "fast", time.Minute); err != nil || ok {
		t.Errorf("a fast clock took the lead (%v)", err)
	}
	for by, l := range map[time.Duration]*Ledger{24 * time.Hour: fast, -24 * time.Hour: slow} {
		must(t, l.Hold(t.Context(), tasks.Hold{
			Realm: account.Realm, AppID: account.AppID, Code: tasks.MinuteLimit, Reason: "too fast", Until: time.Now().Add(by + time.Hour),
		}))
		if left := time.Until(h.holds()[0].Until); left < 0 || left > 2*time.Hour {
			t.Errorf("an hour's hold by a clock that is %v wrong lasts %v", by, left)
		}
		_, err := h.Resume(t.Context(), account.Realm, account.AppID)
		must(t, err)
	}
	if _, err := slow.Cancel(t.Context(), h.submit(1)[0]); err != nil {
		t.Error(err)
	}
	if d := time.Since(h.events()[0].Time).Abs(); d > time.Hour {
		t.Errorf("the event's time is %s off", d)
	}
}

func TestADeadlockIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	other := h.another()
	ids := h.submit(2)
	var deadlocks, runs atomic.Int32
	for _, l := range []*Ledger{h.Ledger, other} {
		usual := l.d.Fault
		l.d.Fault = func(err error) db.Fault {
			var e interface{ SQLState() string }
			if errors.As(err, &e) && e.SQLState() == "40P01" {
				deadlocks.Add(1)
			}
			return usual(err)
		}
	}
	locked := [2]chan struct{}{make(chan struct{}), make(chan struct{})}
	together(2, func(i int) {
		l := []*Ledger{h.Ledger, other}[i]
		first := true
		err := l.do(t.Context(), "cross", func(t *tx) error {
			runs.Add(1)
			a, err := t.find(ids[i])
			if err != nil {
				return err
			}
			if first { // both have their first row before either asks for its second
				first = false
				close(locked[i])
				<-locked[1-i]
			}
			b, err := t.find(ids[1-i])
			if err != nil {
				return err
			}
			for _, r := range []*row{a, b} {
				if r.phase != schema.Canceled {
					if err := t.conclude(&ending{row: r, state: tasks.Canceled}); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	if deadlocks.Load() == 0 || runs.Load() < 3 || len(h.events()) != 2 {
		t.Errorf("%d deadlocks, %d runs, %d events; want some, 3 or more, 2", deadlocks.Load(), runs.Load(), len(h.events()))
	}
}

// A transaction that ended an upload and is not committed yet holds up no other one, and no event that is committed
// before it is seen before its own.
func TestAnEventIsNotSeenBeforeAnEarlierOne(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	other := h.another()
	ids := h.submit(2)
	written, commit := make(chan struct{}), make(chan struct{})
	early := make(chan error, 1)
	go func() {
		early <- other.do(t.Context(), "cancel slowly", func(tx *tx) error {
			r, err := tx.find(ids[0])
			if err == nil {
				err = tx.conclude(&ending{row: r, state: tasks.Canceled})
			}
			if err == nil {
				err = tx.finish()
			}
			tx.events = nil // they are written
			close(written)
			<-commit
			return err
		})
	}()
	<-written
	value(t, h.Cancel)(t.Context(), ids[1])
	page, err := h.Events(t.Context(), tasks.EventFilter{})
	must(t, err)
	if len(page.Events) != 0 {
		t.Errorf("an event is seen before an earlier one: %+v", page.Events)
	}
	again, err := h.Events(t.Context(), tasks.EventFilter{After: page.Next})
	must(t, err)
	if len(again.Events) != 0 {
		t.Errorf("it is seen from the place of the page before: %+v", again.Events)
	}
	close(commit)
	must(t, <-early)
	var order []uuid.UUID
	for _, e := range h.events() {
		var o tasks.Outcome
		must(t, json.Unmarshal(e.Data, &o))
		if order = append(order, o.ID); e.Seq <= page.Next {
			t.Errorf("event %d came later than the place %d", e.Seq, page.Next)
		}
	}
	same(t, "events", order, ids)
}

// A backup that is restored on a server with fewer transactions goes on behind its events, and behind those that
// followers have seen after it was made.
func TestEventsGoOnAfterARestore(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	ids := h.submit(2)
	value(t, h.Cancel)(t.Context(), ids[0])
	must(t, h.Close())
	const ahead = 5_000_000_000
	behind(t, h.url, "UPDATE events SET seq = seq + CAST(? AS BIGINT)", int64(ahead)<<20) // as of a server that did more
	var lost int64 = (ahead + 1_000_000) << 20                                            // the place of a follower before the restore
	h.Ledger = h.another()
	value(t, h.Cancel)(t.Context(), ids[1])
	es := h.events()
	if len(es) != 2 || es[1].Seq <= lost || es[1].Seq < 0 {
		t.Errorf("%+v, want the second one behind %d", es, lost)
	}
	again := h.another()
	value(t, again.Cancel)(t.Context(), h.submit(1)[0])
	if more := h.events(); len(more) != 3 || more[2].Seq-es[1].Seq > 1<<40 {
		t.Errorf("another process jumped again: %+v", more)
	}
}

func TestAConnectionThatBreaksIsReplaced(t *testing.T) {
	t.Parallel()
	h := openPostgresHarness(t)
	kill := func() {
		conn := dial(t, h.url)
		var path string
		must(t, conn.QueryRow(t.Context(), "SELECT current_schema()").Scan(&path))
		_, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
			JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND pid <> pg_backend_pid()`, path)
		must(t, err)
	}
	id := h.submit(1)[0]
	broken := false
	err := h.do(t.Context(), "break", func(tx *tx) error { // in the middle of a transaction: it is not known what became of it
		if _, err := tx.find(id); err != nil {
			return err
		}
		if !broken {
			broken = true
			kill()
		}
		_, err := tx.find(id)
		return err
	})
	wantCode(t, err, tasks.Unavailable)
	value(t, h.Cancel)(t.Context(), id) // the next one finds a new connection

	var pid int
	must(t, h.do(t.Context(), "test", func(tx *tx) error {
		_, err := tx.Row("SELECT pg_backend_pid()", nil, &pid)
		return err
	}))
	conn := dial(t, h.url)
	_, err = conn.Exec(t.Context(), "SELECT pg_terminate_backend($1)", pid)
	must(t, err)
	if _, err := h.Accept(t.Context(), []tasks.Upload{h.upload()}); err != nil { // while it was idle: nobody notices
		t.Error(err)
	}
}

func TestPostgresAway(t *testing.T) {
	t.Parallel()
	socket := (&url.URL{Scheme: "postgres", Path: "/db", RawQuery: url.Values{"host": {t.TempDir()}, "user": {"u"}, "password": {"secret"}}.Encode()}).String()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	refused := "postgres://u:secret@" + listener.Addr().String() + "/db"
	must(t, listener.Close())
	for _, url := range []string{socket, refused} {
		_, err := Open(t.Context(), url, Options{})
		wantCode(t, err, tasks.Unavailable)
		if err != nil && (tasks.AsError(err).Hint == "" || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%v has no hint, or tells the password", err)
		}
	}
}

// dial opens a connection behind the ledger's back.
func dial(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	t.Cleanup(func() { must(t, conn.Close(context.WithoutCancel(t.Context()))) })
	return conn
}
