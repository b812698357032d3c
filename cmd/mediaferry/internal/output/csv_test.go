package output

import (
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestNoCellOfCSVIsAFormula(t *testing.T) {
	t.Parallel()
	const formula = "=HYPERLINK(0).jpg"
	for name, write := range map[string]func(w *strings.Builder) error{
		"outcomes": func(w *strings.Builder) error {
			return All(CSV, w, Outcomes(nil), []tasks.Outcome{{Source: formula, MediaID: "-x", Submitted: time.Now()}})
		},
		"any rows": func(w *strings.Builder) error {
			cells := func(s string) []string { return []string{s, "-x"} }
			return All(CSV, w, Columns[string]{CSVNames: []string{"a", "b"}, CSVCells: cells}, []string{formula})
		},
	} {
		var w strings.Builder
		if err := write(&w); err != nil {
			t.Fatal(err)
		}
		if got := w.String(); !strings.Contains(got, "'"+formula) || strings.Contains(got, ",-x") {
			t.Errorf("%s:\n%s", name, got)
		}
	}
}
