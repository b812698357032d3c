package output

import (
	"encoding/json"
	"fmt"
	"io"
)

// Columns says how a kind of row is printed.
type Columns[T any] struct {
	Headings []string         // of the table
	Cells    func(T) []string // of the table

	CSVNames []string         // of the CSV; nil for a command without --output csv
	CSVCells func(T) []string // of the CSV

	JSON func(T) any // the JSON object; nil prints the row itself
}

// Rows prints rows on stdout as they come. Call End after the last one.
type Rows[T any] struct {
	columns Columns[T]
	json    *json.Encoder
	csv     *csvWriter
	grid    *Grid
	n       int
}

// NewRows prints rows in a format that the command knows.
func NewRows[T any](f Format, w io.Writer, c Columns[T]) *Rows[T] {
	r := &Rows[T]{columns: c}
	switch f {
	case JSON:
		r.json = json.NewEncoder(w)
	case CSV:
		r.csv = newCSVWriter(w)
	default:
		r.grid = NewGrid(w)
	}
	return r
}

// Print prints a row. The headings come before the first one.
func (r *Rows[T]) Print(row T) error {
	r.n++
	switch {
	case r.json != nil && r.columns.JSON != nil:
		return r.json.Encode(r.columns.JSON(row))
	case r.json != nil:
		return r.json.Encode(row)
	case r.csv != nil:
		if r.n == 1 {
			if err := r.csv.Write(r.columns.CSVNames); err != nil {
				return fmt.Errorf("print rows: %w", err)
			}
		}
		return r.csv.Write(r.columns.CSVCells(row))
	}
	if r.n == 1 {
		r.grid.Row(r.columns.Headings...)
	}
	r.grid.Row(r.columns.Cells(row)...)
	return nil
}

// End writes out what is left.
func (r *Rows[T]) End() error {
	switch {
	case r.csv != nil:
		return r.csv.finish()
	case r.grid != nil:
		return r.grid.Flush()
	}
	return nil
}

// All prints all rows.
func All[T any](f Format, w io.Writer, c Columns[T], rows []T) error {
	r := NewRows(f, w, c)
	for _, row := range rows {
		if err := r.Print(row); err != nil {
			return err
		}
	}
	return r.End()
}

// JSONLines prints each row as a JSON object on a line of its own.
func JSONLines[T any](w io.Writer, rows []T) error {
	enc := json.NewEncoder(w)
	for _, row := range rows {
		if err := enc.Encode(row); err != nil {
			return err
		}
	}
	return nil
}
