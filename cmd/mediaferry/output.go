package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/mediaferry/mediaferry/tasks"
)

// format is how results are printed: table for people, json (an object a line) for programs, csv for spreadsheets.
type format string

const (
	asTable format = "table"
	asJSON  format = "json"
	asCSV   format = "csv"
)

// formatFlag is --output of a command that knows some of the formats.
type formatFlag struct {
	chosen *format
	known  []string
}

func (f formatFlag) String() string {
	if f.chosen == nil { // cobra asks a zero value for its default
		return ""
	}
	return string(*f.chosen)
}

// Type is what --help shows.
func (f formatFlag) Type() string { return strings.Join(f.known, "|") }

// Set takes one of those that are known.
func (f formatFlag) Set(s string) error {
	if !slices.Contains(f.known, s) {
		return fmt.Errorf("%q is not one of %s", s, strings.Join(f.known, ", "))
	}
	*f.chosen = format(s)
	return nil
}

// outputFlag adds --output with table, json and csv.
func outputFlag(cmd *cobra.Command) *format {
	return addOutput(cmd, asTable, asJSON, asCSV)
}

// outputFlagNoCSV adds --output with table and json, for what is no list of uploads.
func outputFlagNoCSV(cmd *cobra.Command) *format { return addOutput(cmd, asTable, asJSON) }

func addOutput(cmd *cobra.Command, known ...format) *format {
	chosen := known[0]
	f := formatFlag{chosen: &chosen}
	for _, k := range known {
		f.known = append(f.known, string(k))
	}
	cmd.Flags().VarP(f, "output", "o", "how results are printed on stdout")
	return &chosen
}

// jsonLines prints each row as a JSON object on a line of its own.
func jsonLines[T any](w io.Writer, rows []T) error {
	enc := json.NewEncoder(w)
	for _, row := range rows {
		if err := enc.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// printer writes rows to stdout as they come; end must be called after the last.
type printer interface {
	outcome(o tasks.Outcome) error
	end() error
}

func newPrinter(f format, w io.Writer) printer {
	switch f {
	case asJSON:
		return &jsonPrinter{json.NewEncoder(w)}
	case asCSV:
		return &csvPrinter{w: newSheet(w)}
	default:
		return &tablePrinter{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	}
}

type jsonPrinter struct{ enc *json.Encoder }

// outcome writes o, without id and time where it has none: a file that could not even be submitted.
func (p *jsonPrinter) outcome(o tasks.Outcome) error {
	return p.enc.Encode(struct {
		ID uuid.UUID `json:"id,omitzero"`
		tasks.Outcome
		Submitted time.Time `json:"submitted_at,omitzero"`
	}{o.ID, o, o.Submitted})
}

func (p *jsonPrinter) end() error { return nil }

type tablePrinter struct {
	w    *tabwriter.Writer
	rows int
}

func (p *tablePrinter) outcome(o tasks.Outcome) error {
	if p.rows == 0 {
		fmt.Fprintln(p.w, "FILE\tTYPE\tOUTCOME\tATTEMPTS\tMEDIA_ID\tEXPIRES")
	}
	p.rows++
	_, err := fmt.Fprintf(p.w, "%s\t%s\t%s\t%d\t%s\t%s\n",
		showSource(o.Source), o.Type, verdict(o), o.Attempts, o.MediaID, when(o.ExpiresAt))
	return err
}

func (p *tablePrinter) end() error { return p.w.Flush() }

// verdict is a state with what people want to know beside it.
func verdict(o tasks.Outcome) string {
	switch {
	case o.Reused:
		return "succeeded (reused)"
	case o.State == tasks.Failed, o.State == tasks.Waiting:
		return strings.TrimSpace(string(o.State) + " " + string(o.Code))
	default:
		return string(o.State)
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// showSource shows where a file is, relative to the working folder where it lies below it.
func showSource(s string) string {
	if s == "" { // a row that could not be read
		return ""
	}
	src, err := tasks.ParseSource(s)
	if err != nil {
		return strconv.Quote(s)
	}
	if src.Local() {
		if here, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(here, filepath.Join(src.Root, src.Path)); err == nil && filepath.IsLocal(rel) {
				src = tasks.Source{Path: rel}
			}
		}
	}
	return src.Display()
}

type csvPrinter struct {
	w    sheet
	rows int
}

func (p *csvPrinter) outcome(o tasks.Outcome) error {
	if p.rows == 0 {
		if err := p.w.Write(outcomeColumns); err != nil {
			return err
		}
	}
	p.rows++
	return p.w.Write(outcomeCells(o))
}

func (p *csvPrinter) end() error { return p.w.end() }

func writeCSV(w io.Writer, rows [][]string) error {
	c := csv.NewWriter(w)
	if err := c.WriteAll(rows); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// outcomeColumns are the columns of CSV output, named as the fields of the JSON.
var outcomeColumns = []string{
	"id", "external_id", "batch_id", "account", "type", "source", "filename", "state", "code", "errcode", "rid", "reason", "hint",
	"attempts", "round", "reused", "media_id", "issued_at", "expires_at", "sha256", "size", "submitted_at", "finished_at",
}

func outcomeCells(o tasks.Outcome) []string {
	return []string{
		o.ID.String(), o.ExternalID, o.Batch.String(), o.Account, string(o.Type), o.Source, o.Filename, string(o.State), string(o.Code),
		strconv.Itoa(o.Errcode), o.RID, o.Reason, o.Hint, strconv.Itoa(o.Attempts), strconv.Itoa(o.Round), strconv.FormatBool(o.Reused),
		o.MediaID, when(o.IssuedAt), when(o.ExpiresAt), o.SHA256, strconv.FormatInt(o.Size, 10), when(o.Submitted), when(o.Finished),
	}
}
