package ledgertest

import (
	"crypto/rand"
	"fmt"
	"net/url"
	"strings"
	"testing"
)

// Role makes a role of the server of ledger, a URL that EmptyPostgres returned, and returns the URL for that role. The role may
// use the schema of ledger and make tables there; it is no superuser. change are parts of ALTER ROLE statements, as in
// "SET statement_timeout = '1s'" or "CONNECTION LIMIT 3". The schema is a setting of the role, since poolers drop those of
// a URL.
func Role(tb testing.TB, ledger string, change ...string) string {
	tb.Helper()
	u := parse(tb, ledger)
	q := u.Query()
	schema, role := q.Get("search_path"), "r_"+strings.ToLower(rand.Text())
	Exec(tb, ledger, fmt.Sprintf("CREATE ROLE %s LOGIN; GRANT USAGE, CREATE ON SCHEMA %s TO %[1]s", role, schema))
	q.Set("user", role)
	q.Del("search_path")
	u.RawQuery = q.Encode()
	Alter(tb, ledger, u.String(), append(change, "SET search_path = "+schema)...)
	return u.String()
}

// Alter changes the role of the URL role, on the server of ledger. A setting holds for later connections alone.
func Alter(tb testing.TB, ledger, role string, change ...string) {
	tb.Helper()
	for _, c := range change {
		Exec(tb, ledger, "ALTER ROLE "+RoleOf(tb, role)+" "+c)
	}
}

// RoleOf returns the name of the role of a URL.
func RoleOf(tb testing.TB, role string) string {
	tb.Helper()
	return parse(tb, role).Query().Get("user")
}

// Exec runs SQL as the owner of the server of ledger, whose rights have no bounds.
func Exec(tb testing.TB, ledger, sql string) {
	tb.Helper()
	if err := execute(ledger, sql); err != nil {
		tb.Fatal(err)
	}
}

func parse(tb testing.TB, ledger string) *url.URL {
	tb.Helper()
	u, err := url.Parse(ledger)
	if err != nil {
		tb.Fatal(err)
	}
	return u
}
