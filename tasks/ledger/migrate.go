package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/mediaferry/mediaferry/tasks/ledger/migrations"
	"github.com/pressly/goose/v3"
)

// Migrate updates the schema at url, and returns its version before and after. It returns Conflict for a schema that is too
// new for this program, and while older processes work on the ledger that can't work with the new schema. With
// Options.Alone it does not look for such processes.
func Migrate(ctx context.Context, url string, o Options) (from, to int64, err error) {
	h, err := db.Connect(url)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(explain(h, "migrate ledger", err), h.Close()) }()
	m, err := newMigrator(h, o)
	if err != nil {
		return 0, 0, err
	}
	m.told = true
	return m.migrate(ctx)
}

// steps are the changes that led to the schema of one program.
type steps struct {
	files  func(database string) (fs.FS, error)
	breaks []int64 // those that processes of the version before can't work beside
}

func ownSteps() steps { return steps{migrations.Files, migrations.Breaks()} }

// migrator makes and changes the schema of one database.
type migrator struct {
	handle   *db.Handle
	now      func() time.Time
	alone    bool
	told     bool // to change an older schema
	breaks   []int64
	provider *goose.Provider
}

func newMigrator(h *db.Handle, o Options) (*migrator, error) {
	s := ownSteps()
	if o.steps != nil {
		s = *o.steps
	}
	dialect := goose.DialectSQLite3
	if h.Dialect.Name == "postgres" {
		dialect = goose.DialectPostgres
	}
	files, err := s.files(h.Dialect.Name)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, h.Writes, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	m := &migrator{handle: h, now: o.Now, alone: o.Alone, breaks: s.breaks, provider: p}
	if m.now == nil {
		m.now = time.Now
	}
	return m, nil
}

// known is the version of the schema that this program knows.
func (m *migrator) known() int64 {
	sources := m.provider.ListSources()
	return sources[len(sources)-1].Version
}

// prepare makes the schema of an empty database, and updates an older one if this process is alone with the ledger. It
// returns Conflict for any other older schema, and for one that is too new.
func (m *migrator) prepare(ctx context.Context) error {
	if s, err := m.inspect(ctx); err == nil {
		if s.version >= m.known() {
			return m.fits(s)
		}
		if err := m.permitted(s); err != nil {
			return err
		}
	} else if errors.Is(err, context.DeadlineExceeded) || db.Denied(err) {
		return err
	} // else another process may be making the very table that was read
	_, _, err := m.migrate(ctx)
	return err
}

// permitted returns Conflict if the schema must not be changed now. A schema that no process has opened may be changed.
func (m *migrator) permitted(s state) error {
	if m.told || m.alone || !s.made {
		return nil
	}
	return &tasks.Error{
		Code: tasks.Conflict, Op: "open ledger", Hint: "stop what still runs of the version before, then run: mediaferry migrate",
		Err: tasks.Textf("the ledger has schema version %d, this program needs %d", s.version, m.known()),
	}
}

// fits returns Conflict if this program is too old for the schema.
func (m *migrator) fits(s state) error {
	if s.oldest <= m.known() {
		return nil
	}
	return &tasks.Error{
		Code: tasks.Conflict, Op: "open ledger", Hint: "run the newer program, or restore a backup from before it",
		Err: tasks.Textf("the ledger has schema version %d, written by a newer program: programs that know version %d may work on it, this one knows %d",
			s.version, s.oldest, m.known()),
	}
}

// migrationTimeout bounds a change of the schema, with the wait for another process that makes it. On a large ledger it
// rewrites tables.
const migrationTimeout = 15 * time.Minute

// migrate does nothing if the schema is current. If several processes call it at once, one of them migrates: PostgreSQL's
// advisory lock chooses it, and on SQLite the loser of a race looks again.
func (m *migrator) migrate(ctx context.Context) (from, to int64, err error) {
	ctx, cancel := db.Within(ctx, migrationTimeout)
	defer cancel()
	unlock, err := m.lock(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer unlock()
	idle := 0
	for last := int64(-1); ; {
		s, err := m.inspect(ctx)
		if err == nil {
			err = m.up(ctx, s)
		}
		if err == nil || tasks.CodeOf(err) == tasks.Conflict || m.handle.Dialect.Concurrent || idle == 10 {
			return s.version, max(s.version, m.known()), err
		}
		idle++
		if s.version != last { // the one that won goes on
			last, idle = s.version, 0
		}
		pause := time.NewTimer(20 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return s.version, m.known(), err
		}
	}
}

// up makes the missing steps, unless a process works on the ledger that can't work with the new schema.
func (m *migrator) up(ctx context.Context, s state) error {
	if s.version >= m.known() {
		return m.fits(s)
	}
	if err := m.permitted(s); err != nil {
		return err
	}
	if s.made && !m.alone {
		if err := m.outdated(ctx, s); err != nil {
			return err
		}
	}
	if _, err := m.provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate from version %d to %d: %w", s.version, m.known(), err)
	}
	return nil
}

// noTimeLimits keeps the server from ending a transaction that is idle for long. Not every version has all of these limits.
const noTimeLimits = "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN " +
	"('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"

// lock keeps other processes out while one migrates, by a transaction on a connection of its own: a pooler would lend a
// lock of the session to others. No time limit of the server ends that transaction.
func (m *migrator) lock(ctx context.Context) (unlock func(), err error) {
	if !m.handle.Dialect.Concurrent {
		return func() {}, nil
	}
	conn, err := m.handle.Reads.Conn(ctx)
	if err != nil {
		return nil, err
	}
	for {
		locked, err := tryLock(ctx, conn)
		if err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		if locked {
			break
		}
		// A transaction that waited would keep a connection of the pooler, which the one that migrates may need.
		pause := time.NewTimer(50 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			pause.Stop()
			return nil, errors.Join(ctx.Err(), conn.Close())
		}
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.CallTimeout)
		defer cancel()
		_, err := conn.ExecContext(ctx, "COMMIT")
		if err != nil { // the session's end frees the lock as well
			_ = conn.Raw(func(any) error { return err })
		}
		_ = conn.Close()
	}, nil
}

// tryLock begins the transaction that has the lock, unless another process has it.
func tryLock(ctx context.Context, conn *sql.Conn) (locked bool, err error) {
	for _, statement := range []string{"BEGIN", noTimeLimits} {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return false, err
		}
	}
	err = conn.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock(hashtextextended('mediaferry ' || current_schema(), 0))").Scan(&locked)
	if err == nil && !locked {
		_, err = conn.ExecContext(ctx, "ROLLBACK")
	}
	return locked, err
}

// explain turns the error of a call that may have made or changed the schema into one that a person can act on.
func explain(h *db.Handle, op string, err error) error {
	if !db.Denied(err) {
		return h.Dialect.Explain(op, err)
	}
	return &tasks.Error{
		Code: tasks.Invalid, Op: op, Err: tasks.Textf("the ledger's role lacks a right: %w", err),
		Hint: "run mediaferry migrate with the URL of a role that may make tables, and give this one its rights: mediaferry print grants",
	}
}
