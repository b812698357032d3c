package ledgertest

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver sqlite

	"github.com/mediaferry/mediaferry/tasks/ledger/migrations"
)

// Older makes the ledger at url, a database that is empty, as a program left it that knew that version of the schema.
func Older(tb testing.TB, url string, version int64) {
	tb.Helper()
	if err := older(tb, url, version); err != nil {
		tb.Fatalf("make an older ledger: %v", err)
	}
}

func older(tb testing.TB, url string, version int64) (err error) {
	db, p, err := steps(url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := p.UpTo(tb.Context(), version); err != nil {
		return err
	}
	_, err = db.ExecContext(tb.Context(), "INSERT INTO meta (key, value) VALUES ('ledger_id', '0198c0de-0000-7000-8000-000000000001')")
	return err
}

// migrate makes the schema of a ledger that nobody has opened.
func migrate(ctx context.Context, url string) (err error) {
	db, p, err := steps(url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = p.Up(ctx)
	return err
}

// steps opens a database, with the migrations for it.
func steps(url string) (*sql.DB, *goose.Provider, error) {
	driver, source, dialect, database := "pgx", url, goose.DialectPostgres, "postgres"
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source, dialect, database = "sqlite", path+"?_pragma=journal_mode(WAL)", goose.DialectSQLite3, "sqlite"
	}
	files, err := migrations.Files(database)
	if err != nil {
		return nil, nil, err
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return nil, nil, err
	}
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, p, nil
}
