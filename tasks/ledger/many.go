package ledger

import (
	"slices"
	"strings"

	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// What an operation does to many rows takes few statements. PostgreSQL takes arrays: one statement is one round trip,
// whatever its length. SQLite takes lists of values: there a statement costs about as much as the row that it changes.

// sqliteRows is how many rows one statement has on SQLite at most. It is the length of a chunk.
const sqliteRows = 16

// eachOf runs a query for all of seqs. query ends where the values come, and rest follows them.
func (t *tx) eachOf(query, rest string, seqs []int64, scan func(db.Scanner) error) error {
	if t.Dialect.Concurrent {
		return t.Each(query+" = ANY(?) "+rest, db.Args{seqs}, scan)
	}
	for some := range slices.Chunk(seqs, sqliteRows) {
		if err := t.Each(query+" IN "+list(len(some))+" "+rest, values(some), scan); err != nil {
			return err
		}
	}
	return nil
}

// execOf is eachOf for a statement that changes rows.
func (t *tx) execOf(statement string, seqs []int64) error {
	if len(seqs) == 0 {
		return nil
	}
	if t.Dialect.Concurrent {
		_, err := t.Exec(statement+" = ANY(?)", seqs)
		return err
	}
	for some := range slices.Chunk(seqs, sqliteRows) {
		if _, err := t.Exec(statement+" IN "+list(len(some)), values(some)...); err != nil {
			return err
		}
	}
	return nil
}

// insert inserts n rows. types are those of the columns, as PostgreSQL calls them.
func (t *tx) insert(into string, types []string, n int, row func(i int) []any) error {
	if n == 0 {
		return nil
	}
	if t.Dialect.Concurrent {
		_, err := t.Exec(into+" SELECT * FROM "+unnest(types), arrays(n, row)...)
		return err
	}
	for from := 0; from < n; from += sqliteRows {
		some := min(sqliteRows, n-from)
		if _, err := t.Exec(into+" VALUES "+lists(some, len(types)), flat(from, some, row)...); err != nil {
			return err
		}
	}
	return nil
}

// table is a table of n rows of values, for a statement that joins it under the names of columns. On SQLite n is at most
// sqliteRows. args are the values of its placeholders.
func (t *tx) table(columns []string, types []string, n int, row func(i int) []any) (from string, args []any) {
	if t.Dialect.Concurrent {
		return unnest(types) + " AS v (" + strings.Join(columns, ", ") + ")", arrays(n, row)
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = numberedColumns[i] + " AS " + c
	}
	return "(SELECT " + strings.Join(names, ", ") + " FROM (VALUES " + lists(n, len(types)) + ")) AS v", flat(0, n, row)
}

// blocks is how many rows table takes at once.
func (t *tx) blocks(n int) int {
	if t.Dialect.Concurrent {
		return n
	}
	return sqliteRows
}

var numberedColumns = [...]string{"column1", "column2", "column3", "column4", "column5", "column6", "column7", "column8"} //nolint:gochecknoglobals // a constant in all but name

func unnest(types []string) string { return "unnest(?::" + strings.Join(types, "[], ?::") + "[])" }

// arrays turns rows of values into columns, as PostgreSQL's unnest takes them.
func arrays(n int, row func(i int) []any) []any {
	var columns []any
	for i := range n {
		values := row(i)
		if columns == nil {
			columns = make([]any, len(values))
			for c := range columns {
				columns[c] = make([]any, 0, n)
			}
		}
		for c, v := range values {
			columns[c] = append(columns[c].([]any), v)
		}
	}
	return columns
}

// list is a list of n placeholders.
func list(n int) string { return "(?" + strings.Repeat(", ?", n-1) + ")" }

// lists is n lists of width placeholders each.
func lists(n, width int) string {
	one := list(width)
	return one + strings.Repeat(", "+one, n-1)
}

// flat returns the values of n rows, one row after the other.
func flat(from, n int, row func(i int) []any) []any {
	var all []any
	for i := range n {
		all = append(all, row(from+i)...)
	}
	return all
}

func values(seqs []int64) []any {
	all := make([]any, len(seqs))
	for i, s := range seqs {
		all[i] = s
	}
	return all
}
