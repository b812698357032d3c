package ledger

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Grants are the rights that a role of PostgreSQL needs to work on a ledger in a schema which another role has migrated: no
// more than these. The other role, which makes and changes the tables, runs them.
func Grants(role, schema string) []string {
	r, s := pgx.Identifier{role}.Sanitize(), pgx.Identifier{schema}.Sanitize()
	const rows, numbers = "SELECT, INSERT, UPDATE, DELETE", "USAGE, SELECT, UPDATE"
	return []string{
		fmt.Sprintf("GRANT USAGE ON SCHEMA %s TO %s", s, r),
		fmt.Sprintf("GRANT %s ON ALL TABLES IN SCHEMA %s TO %s", rows, s, r),
		fmt.Sprintf("GRANT %s ON ALL SEQUENCES IN SCHEMA %s TO %s", numbers, s, r),
		// what later versions make
		fmt.Sprintf("ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT %s ON TABLES TO %s", s, rows, r),
		fmt.Sprintf("ALTER DEFAULT PRIVILEGES IN SCHEMA %s GRANT %s ON SEQUENCES TO %s", s, numbers, r),
	}
}
