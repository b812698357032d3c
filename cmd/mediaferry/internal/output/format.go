// Package output is what commands print: tables, JSON and CSV on stdout, progress and summaries on stderr.
package output

import (
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/mediaferry/mediaferry/tasks"
)

// Format is how results are printed.
type Format string

// The formats.
const (
	Table Format = "table" // for people
	JSON  Format = "json"  // for programs, an object a line
	CSV   Format = "csv"   // for spreadsheets
)

// formatFlag is --output of a command that knows some of the formats.
type formatFlag struct {
	chosen *Format
	known  []string
}

// FlagVar adds --output to a command that knows these formats. The first one is the default.
func FlagVar(flags *pflag.FlagSet, chosen *Format, known ...Format) {
	*chosen = known[0]
	f := formatFlag{chosen: chosen}
	for _, k := range known {
		f.known = append(f.known, string(k))
	}
	flags.VarP(f, "output", "o", "how results are printed on stdout")
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
		return tasks.Textf("%q is not one of %s", s, strings.Join(f.known, ", "))
	}
	*f.chosen = Format(s)
	return nil
}

// Formats returns what an --output flag knows.
func Formats(f *pflag.Flag) []string {
	if of, is := f.Value.(formatFlag); is {
		return of.known
	}
	return nil
}

// IsTerminal reports whether a person sits at the other end of a reader or writer.
func IsTerminal(stream any) bool {
	f, ok := raw(stream).(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
