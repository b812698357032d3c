package ledger

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
	"github.com/pressly/goose/v3"
)

//go:embed migrations
var migrations embed.FS

// Migrate brings the schema at url up to date, and returns its version before and after.
// It returns Conflict for a schema that is newer than this program.
func Migrate(ctx context.Context, url string) (from, to int64, err error) {
	b, err := db.Connect(url)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(b.Dialect.Explain("migrate ledger", err), b.Close()) }()
	return migrate(ctx, b, false)
}

func prepare(ctx context.Context, b *db.Handle, refuse bool) error {
	_, _, err := migrate(ctx, b, refuse)
	return err
}

// migrationTimeout is how long a change of the schema may take, the wait for another process that makes it included: on
// a large ledger it rewrites tables.
const migrationTimeout = 15 * time.Minute

// migrate does nothing where the schema is current already. Several processes that start at once migrate once:
// PostgreSQL's advisory lock lets one in, and on SQLite the loser of the race looks again.
func migrate(ctx context.Context, b *db.Handle, refuse bool) (from, to int64, err error) {
	p, err := provider(b)
	if err != nil {
		return 0, 0, err
	}
	from, to, err = versions(ctx, p)
	switch {
	case err == nil && from == to, db.IsAnswer(err), errors.Is(err, context.DeadlineExceeded), err != nil && refuse:
		return from, to, err
	case err != nil: // another process may be making the very table that was read
	case refuse:
		return from, to, &tasks.Error{
			Code: tasks.Conflict, Op: "open ledger", Hint: "run: mediaferry migrate",
			Err: fmt.Errorf("the ledger has schema version %d, this program needs %d", from, to),
		}
	}
	ctx, cancel := db.Within(ctx, migrationTimeout)
	defer cancel()
	unlock, err := migrationLock(ctx, b)
	if err != nil {
		return from, to, err
	}
	defer unlock()
	for try := 0; ; try++ {
		from, to, err = up(ctx, p)
		if err == nil || db.IsAnswer(err) || b.Dialect.Concurrent || try == 10 {
			return from, to, err
		}
		pause := time.NewTimer(20 * time.Millisecond)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return from, to, err
		}
	}
}

func up(ctx context.Context, p *goose.Provider) (from, to int64, err error) {
	from, to, err = versions(ctx, p)
	if err != nil || from == to {
		return from, to, err
	}
	if _, err := p.Up(ctx); err != nil {
		return from, to, fmt.Errorf("migrate from version %d to %d: %w", from, to, err)
	}
	return from, to, nil
}

// versions returns the schema's version in the database and the one that this program needs, which is no lower.
func versions(ctx context.Context, p *goose.Provider) (from, to int64, err error) {
	ctx, cancel := db.Bounded(ctx)
	defer cancel()
	from, to, err = p.GetVersions(ctx)
	switch {
	case err != nil:
		return from, to, fmt.Errorf("read schema version: %w", err)
	case from > to:
		return from, to, &tasks.Error{
			Code: tasks.Conflict, Op: "open ledger", Hint: "run the newer program, or restore a backup from before it",
			Err: fmt.Errorf("the ledger has schema version %d, written by a newer program: this one knows %d", from, to),
		}
	}
	return from, to, nil
}

func provider(b *db.Handle) (*goose.Provider, error) {
	dialect := goose.DialectSQLite3
	if b.Dialect.Name == "postgres" {
		dialect = goose.DialectPostgres
	}
	dir, err := fs.Sub(migrations, "migrations/"+b.Dialect.Name)
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	p, err := goose.NewProvider(dialect, b.Writes, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	return p, nil
}

// migrationLock keeps other processes out while one migrates, on a connection of its own.
func migrationLock(ctx context.Context, b *db.Handle) (unlock func(), err error) {
	if !b.Dialect.Concurrent {
		return func() {}, nil
	}
	conn, err := b.Reads.Conn(ctx)
	if err != nil {
		return nil, err
	}
	const key = "hashtextextended('mediaferry ' || current_schema(), 0)"
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock("+key+")"); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), db.CallTimeout)
		defer cancel()
		_, err := conn.ExecContext(ctx, "SELECT pg_advisory_unlock("+key+")")
		if err != nil { // the session's end frees the lock as well
			_ = conn.Raw(func(any) error { return err })
		}
		_ = conn.Close()
	}, nil
}
