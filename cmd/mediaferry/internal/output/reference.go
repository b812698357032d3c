package output

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Reference prints a table that people look things up in. The first row has the headings.
type Reference struct {
	Format   Format
	Markdown bool // instead of the format Table
}

// Write prints rows, or with the format JSON the values that they were made of. Without values it prints objects of the
// cells, named by the headings.
func (r Reference) Write(w io.Writer, rows [][]string, values any) error {
	switch {
	case r.Format == JSON:
		if values == nil {
			values = objects(rows)
		}
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(values)
	case r.Format == CSV:
		if err := csv.NewWriter(w).WriteAll(rows); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
		return nil
	case r.Markdown:
		return writeMarkdown(w, rows)
	}
	grid := NewGrid(w)
	for _, row := range rows {
		grid.Row(row...)
	}
	return grid.Flush()
}

func objects(rows [][]string) []map[string]string {
	var all []map[string]string
	for _, row := range rows[1:] {
		object := map[string]string{}
		for i, cell := range row {
			object[strings.ToLower(rows[0][i])] = cell
		}
		all = append(all, object)
	}
	return all
}

func writeMarkdown(w io.Writer, rows [][]string) error {
	var b strings.Builder
	escape := strings.NewReplacer("|", `\|`, "\n", " ")
	for i, row := range rows {
		for _, cell := range row {
			fmt.Fprintf(&b, "| %s ", escape.Replace(cell))
		}
		b.WriteString("|\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
