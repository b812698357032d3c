// Command fill runs the SQL of its standard input on an SQLite file that nobody else has open, as fast as it goes: with
// no journal and no fsync. Tests run it for fixtures of many rows, since it is a process without the race detector,
// which makes SQLite some twenty times slower.
package main

import (
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	_ "modernc.org/sqlite"
)

func main() {
	if err := fill(os.Args[1], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

func fill(path string, script io.Reader) error {
	text, err := io.ReadAll(script)
	if err != nil {
		return err
	}
	fast := url.Values{"_pragma": {"locking_mode(EXCLUSIVE)", "journal_mode(OFF)", "synchronous(OFF)", "cache_size(-200000)"}}
	db, err := sql.Open("sqlite", "file:"+path+"?"+fast.Encode())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	_, err = db.Exec(string(text)) //nolint:noctx // it ends with the process
	return errors.Join(err, db.Close())
}
