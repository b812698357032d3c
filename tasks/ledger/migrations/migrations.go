// Package migrations is the ledger's schema: for each database the steps that led to it, in order. The number of the
// last one is the version of the schema that a program knows.
//
// A step is expand-only where it can be: it adds tables, indexes, and columns that have a default, so that processes of
// the version before work on beside those of the new one. A step that they can't work beside is listed in Breaks, and
// also records itself in the ledger: UPDATE meta SET value = 'NUMBER' WHERE key = 'oldest_version'.
package migrations

import (
	"embed"
	"io/fs"
)

//go:embed postgres sqlite
var files embed.FS

// Files returns the steps of one database: postgres or sqlite.
func Files(database string) (fs.FS, error) { return fs.Sub(files, database) }

// Breaks lists the steps that processes of the version before can't work beside.
func Breaks() []int64 { return []int64{7} }
