package ledgertest

import (
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
	driver, source, dialect, database := "pgx", url, goose.DialectPostgres, "postgres"
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, source, dialect, database = "sqlite", path+"?_pragma=journal_mode(WAL)", goose.DialectSQLite3, "sqlite"
	}
	files, err := migrations.Files(database)
	if err != nil {
		return err
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	p, err := goose.NewProvider(dialect, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	if _, err := p.UpTo(tb.Context(), version); err != nil {
		return err
	}
	_, err = db.ExecContext(tb.Context(), "INSERT INTO meta (key, value) VALUES ('ledger_id', '0198c0de-0000-7000-8000-000000000001')")
	return err
}
