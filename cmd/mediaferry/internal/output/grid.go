package output

import (
	"io"
	"strings"
	"text/tabwriter"
)

// Grid writes rows whose cells stand in columns. Call Flush after the last row.
type Grid struct{ w *tabwriter.Writer }

// NewGrid makes a grid with a line of headings; without any there is no such line.
func NewGrid(w io.Writer, headings ...string) *Grid {
	g := &Grid{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if len(headings) > 0 {
		g.Row(headings...)
	}
	return g
}

// Row adds a row.
func (g *Grid) Row(cells ...string) {
	_, _ = io.WriteString(g.w, strings.Join(cells, "\t")+"\n") // Flush returns the error
}

// Flush writes out all rows.
func (g *Grid) Flush() error { return g.w.Flush() }
