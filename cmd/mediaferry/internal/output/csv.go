package output

import (
	"encoding/csv"
	"io"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
)

// csvWriter writes CSV that may be opened in a spreadsheet. A cell that one would run as a formula gets a ' before it,
// as in reports: names of files are other people's, and a media_id may begin with "-".
type csvWriter struct{ *csv.Writer }

func newCSVWriter(w io.Writer) *csvWriter { return &csvWriter{csv.NewWriter(w)} }

func (c *csvWriter) Write(cells []string) error {
	safe := make([]string, len(cells))
	for i, cell := range cells {
		safe[i] = manifest.Neutralize(cell)
	}
	return c.Writer.Write(safe)
}

// finish writes out what is left.
func (c *csvWriter) finish() error {
	c.Flush()
	return c.Error()
}
