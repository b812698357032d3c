// Package ledger is the durable record of all uploads, and the only truth about them: what was accepted, which worker
// has it, how it ended and which receiver gets the event. It runs on SQLite (one file, no server) or on PostgreSQL, with
// one contract for both. The ledger changes the rows; package view reads them for people.
//
// When a method that writes returns without an error, its changes are committed and survive a loss of power. Generations
// and tokens in the rows decide which worker may do what. The clock of a process never decides that.
package ledger

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/view"
)

// Options are the settings of Open. The zero value serves in production.
type Options struct {
	// Now is the ledger's clock on SQLite. Nil: time.Now. PostgreSQL uses its own clock, so that processes whose clocks
	// disagree can share a ledger.
	Now func() time.Time
	// Log gets a line when something was tried again or could not be cleaned up. Nil: nothing is logged.
	Log *slog.Logger
	// Alone says that no other process works on this ledger, as the process that has locked its directory knows. Then Open
	// migrates an older schema. False: only Migrate does.
	Alone bool
	// Notify is the URL that gets the events of accounts, account.held and account.resumed. Empty: they are not sent.
	Notify string
	// Observe is called when a call of the database has ended: a commit ("write"), a read of the work ("read") or one for
	// people ("view"). It says how long the call took, with the wait for a connection, and its error. It returns at once.
	// Nil: not called.
	Observe func(use string, took time.Duration, err error)
	// Linger is the time that a commit waits for more claims and outcomes to share it, while many are under way. Zero
	// means 10 ms. Accepting, dispatching and people's actions never wait.
	Linger time.Duration
	// GroupSize is the largest number of operations that share one commit. Zero means 128.
	GroupSize int

	steps   *steps     // of the schema; nil: those of this program
	through db.Through // may be nil
}

// Ledger is an open ledger. It changes the rows, and its View reads them for people. It is safe for concurrent use. Several
// processes may have the same ledger open.
type Ledger struct {
	*view.View

	handle *db.Handle
	d      *db.Dialect
	engine db.Reader
	writer *writer
	waker  *waker
	now    func() time.Time
	id     uuid.UUID
	notify string
	schema int64 // the version that this program knows
	number int64 // of the rows in which this process counts

	maxAccounts int // the constant, but for tests
	pruning     pruning
	folding     folding
	limits      limits
	spoken      spoken

	// What dispatch remembers of the last one. It belongs to the writer's goroutine.
	turns       turns
	lastAccount map[tasks.Priority]string // the next dispatch goes on after this account, if there are more than it looks at
	flow        flow
}

// Open opens the ledger at url, "sqlite:PATH" or "postgres://…". It makes the schema of an empty database, also if several
// processes do so at once. It uses a newer schema as it is, if the ledger says that this program may work on it. Open
// returns Invalid for a URL or place that it can't use, Conflict for a schema that is too old or too new for this program,
// and Unavailable if it can't reach the database.
func Open(ctx context.Context, url string, o Options) (*Ledger, error) {
	h, err := db.ConnectThrough(url, o.through)
	if err != nil {
		return nil, err
	}
	m, err := newMigrator(h, o)
	if err == nil {
		err = m.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(explain(h, "open ledger", err), h.Close())
	}
	l := &Ledger{
		handle: h, d: h.Dialect, now: m.now, notify: o.Notify, schema: m.known(),
		maxAccounts: maxAccounts, turns: newTurns(), lastAccount: map[tasks.Priority]string{}, number: 1 + rand.Int64N(math.MaxInt64),
	}
	h.Observe = o.Observe
	l.View = view.New(h, l.now)
	l.engine = db.Reader{Handle: h, Pool: h.Reads, Use: db.Read, Now: l.now}
	l.waker = newWaker(l, logger(o.Log))
	l.writer = newWriter(l, cmp.Or(o.Linger, 10*time.Millisecond), cmp.Or(o.GroupSize, 128), logger(o.Log))
	if err := l.identify(ctx); err != nil {
		return nil, errors.Join(explain(h, "open ledger", err), l.Close())
	}
	if h.Pooled() {
		l.waker.log.Info("the ledger is behind a pooler: statements are not prepared")
	}
	return l, nil
}

// Close closes the database. Calls that still wait return Unavailable.
func (l *Ledger) Close() error {
	l.writer.stop()
	l.waker.stop()
	return l.handle.Close()
}

// ID returns the ID of this ledger. It is the same for every process that opens the ledger.
func (l *Ledger) ID() uuid.UUID { return l.id }

// Ping reports whether the database answers.
func (l *Ledger) Ping(ctx context.Context) error {
	return l.engine.Snapshot(ctx, "ping ledger", func(t *db.Tx) error {
		_, err := t.Row("SELECT 1", nil, new(int))
		return err
	})
}

// metaID is the row of meta with the ledger's ID. The process that opens the ledger first writes it.
const metaID = "ledger_id"

func (l *Ledger) identify(ctx context.Context) error {
	var text string
	err := l.do(ctx, "name ledger", func(t *tx) error {
		if _, err := t.Exec("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING", metaID, uuid.NewString()); err != nil {
			return err
		}
		_, err := t.Row("SELECT value FROM meta WHERE key = ?", db.Args{metaID}, &text)
		return err
	})
	if err != nil {
		return err
	}
	l.id, err = uuid.Parse(text)
	if err != nil {
		return fmt.Errorf("read ledger id: %w", err)
	}
	l.waker.channel = channelOf(l.id)
	return nil
}

func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
