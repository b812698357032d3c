package main

import (
	"encoding/csv"
	"io"

	"github.com/mediaferry/mediaferry/enqueue/manifest"
)

// sheet writes CSV that may be opened in a spreadsheet: what one would run as a formula has a ' before it, as in
// reports. Names of files are other people's, and a media_id may begin with "-".
type sheet struct{ *csv.Writer }

func newSheet(w io.Writer) sheet { return sheet{csv.NewWriter(w)} }

func (s sheet) Write(cells []string) error {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = manifest.Neutralize(c)
	}
	return s.Writer.Write(safe)
}

// end writes out what is left.
func (s sheet) end() error {
	s.Flush()
	return s.Error()
}
