package ledgertest

import (
	"context"
	"fmt"
	"net/url"
	"testing"
	"time"
)

// Clock returns the URL of a schema of Postgres or EmptyPostgres under which the server's clock stands at a time, and a
// function that sets it: no test then depends on how long the machine takes. Only clock_timestamp() is replaced. The function
// may be called by several goroutines at once, until the test ends.
func Clock(tb testing.TB, ledger string, at time.Time) (string, func(time.Time)) {
	tb.Helper()
	u, err := url.Parse(ledger)
	if err != nil {
		tb.Fatal(err)
	}
	q := u.Query()
	schema := q.Get("search_path")
	clock := schema + "_clock"
	set := func(at time.Time) {
		tb.Helper()
		if err := schemas.tell(context.WithoutCancel(tb.Context()), running(tb), fmt.Sprintf(`CREATE SCHEMA IF NOT EXISTS %[1]s;
			CREATE OR REPLACE FUNCTION %[1]s.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$ SELECT %[2]s::timestamptz $$`,
			clock, "'"+at.UTC().Format("2006-01-02 15:04:05.999999")+"+00'")); err != nil {
			tb.Fatalf("set the clock: %v", err)
		}
	}
	set(at)
	q.Set("search_path", schema+","+clock+",pg_catalog") // what is not named is searched first
	u.RawQuery = q.Encode()
	return u.String(), set
}
