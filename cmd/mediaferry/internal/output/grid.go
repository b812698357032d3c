package output

import (
	"io"
	"slices"
	"strings"

	"github.com/mattn/go-runewidth"
)

// gap is the space between two columns.
const gap = "  "

// cells measures text as terminals show it: a Chinese character takes two cells in any locale.
var cells = runewidth.Condition{StrictEmojiNeutral: true}

// Grid writes rows whose cells stand in columns. Call Flush after the last row.
type Grid struct {
	w      io.Writer
	rows   [][]string
	widths []int
}

// NewGrid makes a grid with a line of headings; without any there is no such line.
func NewGrid(w io.Writer, headings ...string) *Grid {
	g := &Grid{w: w}
	if len(headings) > 0 {
		g.Row(headings...)
	}
	return g
}

// Row adds a row.
func (g *Grid) Row(row ...string) {
	row = slices.Clone(row)
	for i, cell := range row {
		row[i] = Visible(cell)
	}
	g.rows = append(g.rows, row)
	for i, cell := range row[:max(0, len(row)-1)] { // nothing stands behind the last cell
		if i == len(g.widths) {
			g.widths = append(g.widths, 0)
		}
		g.widths[i] = max(g.widths[i], cells.StringWidth(cell))
	}
}

// Flush writes out all rows.
func (g *Grid) Flush() error {
	var b strings.Builder
	for _, row := range g.rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell)
			if i < len(row)-1 {
				line.WriteString(strings.Repeat(" ", g.widths[i]-cells.StringWidth(cell)) + gap)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	g.rows = nil
	_, err := io.WriteString(g.w, b.String())
	return err
}
