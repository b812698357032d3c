package main

import (
	"errors"
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
			p := newPrinter(asCSV, w)
			err := p.outcome(tasks.Outcome{Source: formula, MediaID: "-x", Submitted: time.Now()})
			return errors.Join(err, p.end())
		},
		"check": func(w *strings.Builder) error {
			p := newCheckPrinter(asCSV, w)
			err := p.print(checked{File: formula})
			return errors.Join(err, p.end())
		},
		"dry run": func(w *strings.Builder) error {
			show, end := forecastPrinter(asCSV, w)
			err := show(forecast{Source: formula})
			return errors.Join(err, end())
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
