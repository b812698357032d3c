package ledgertest

import (
	"database/sql"
	"errors"
	"net/url"
	"strings"
	"testing"
)

// Fill runs SQL on a ledger, given by its URL, which must not be open: for fixtures of a million rows. Semicolons separate the
// statements.
func Fill(tb testing.TB, ledger, script string) {
	tb.Helper()
	fill := execute
	if strings.HasPrefix(ledger, "sqlite:") {
		fill = fillSQLite
	}
	if err := fill(ledger, script); err != nil {
		tb.Fatalf("fill the ledger: %v", err)
	}
}

// Script runs SQL on an SQLite file that nobody else has open, as fast as it goes: with no journal and no fsync.
func Script(path, script string) error {
	fast := url.Values{"_pragma": {"locking_mode(EXCLUSIVE)", "journal_mode(OFF)", "synchronous(OFF)", "cache_size(-200000)"}}
	db, err := sql.Open("sqlite", "file:"+path+"?"+fast.Encode())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec(script) //nolint:noctx // it ends with the process
	return errors.Join(err, db.Close())
}
