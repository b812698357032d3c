//go:build !race

package ledgertest

import "strings"

func fillSQLite(url, sql string) error { return Script(strings.TrimPrefix(url, "sqlite:"), sql) }
