package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// publish prints the report, and writes it as JSON where a file was named.
func (r report) publish(out io.Writer, file string) error {
	for _, l := range r.Legs {
		l.print(out)
	}
	verdict := "nothing found"
	if r.Findings > 0 {
		verdict = fmt.Sprintf("%d FINDINGS", r.Findings)
	}
	if r.Replay != "" {
		fmt.Fprintf(out, "\nagain: %s\n", r.Replay)
	}
	fmt.Fprintf(out, "\nseed %d: %s\n", r.Seed, verdict)
	if file == "" {
		return nil
	}
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return os.WriteFile(file, append(b, '\n'), 0o644)
}

func (l legReport) print(out io.Writer) {
	fmt.Fprintf(out, "\n== %s ==\n", l.Leg.Name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("uploads acknowledged", "%d", l.Accepted)
	line("answers that never came", "%d", l.Unanswered)
	line("outcomes", "%d succeeded, %d failed, %d canceled", l.Outcomes[tasks.Succeeded], l.Outcomes[tasks.Failed], l.Outcomes[tasks.Canceled])
	for _, k := range kinds {
		line(k, "%d", l.Found[k])
	}
	line("duplicates at WeChat", "%d of %d calls (at most %d are explained)", l.Duplicates, l.Calls, l.Bound)
	line("webhook requests", "%d", l.Webhooks)
	line("recovery after a kill", "p50 %.1f s, p99 %.1f s, max %.1f s of %d uploads", l.P50, l.P99, l.Max, l.Recovered)
	line("kills, stops, restarts", "%d", l.Kills)
	line("disk of the ledger", "%s", l.Leg.disk())
	line("other exits", "%d", len(l.Exits))
	line("came to rest", "%v", l.Quiet)
	_ = w.Flush() // to a terminal
	l.printStruck(out)
	l.printGrowth(out)
	l.printFindings(out)
}

func (l leg) disk() string {
	switch {
	case l.Ledger != "sqlite":
		return "never full"
	case l.Disk > 0:
		return fmt.Sprintf("%d MiB of its own", l.Disk>>20)
	}
	return "shared: processes were kept from writing by RLIMIT_FSIZE"
}

func (l legReport) printStruck(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ATTACK\tTIMES\tNEXT SUCCESS AFTER (MAX)")
	for _, name := range slices.Sorted(maps.Keys(l.Struck)) {
		s := l.Struck[name]
		note := ""
		if s.Failed > 0 {
			note = fmt.Sprintf("\t%d could not be made", s.Failed)
		}
		fmt.Fprintf(w, "%s\t%d\t%.2f s%s\n", name, s.Times, s.Resume, note)
	}
	_ = w.Flush() // to a terminal
}

func (l legReport) printGrowth(out io.Writer) {
	if len(l.Growth) == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROCESS\tHOLDS\tSECOND QUARTER\tLAST QUARTER\tALLOWED")
	for _, g := range l.Growth {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", g.Process, g.Of, g.Early, g.Late, g.Allowed)
	}
	_ = w.Flush() // to a terminal
}

// printed is how many findings of one kind are printed; the JSON has them all.
const printed = 8

func (l legReport) printFindings(out io.Writer) {
	if len(l.Findings) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%d findings:\n", len(l.Findings))
	seen := map[string]int{}
	for _, f := range l.Findings {
		if seen[f.Kind]++; seen[f.Kind] > printed {
			continue
		}
		of := ""
		switch {
		case f.Upload != uuid.Nil:
			of = " upload " + f.Upload.String()
		case f.Batch != uuid.Nil:
			of = " batch " + f.Batch.String()
		}
		fmt.Fprintf(out, "  %s%s: %s\n", f.Kind, of, f.What)
	}
	l.printSlowest(out)
	for _, id := range slices.SortedFunc(maps.Keys(l.Timelines), func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) }) {
		fmt.Fprintf(out, "\nhistory of upload %s:\n  %s\n", id, strings.Join(l.Timelines[id], "\n  "))
	}
}

func (l legReport) printSlowest(out io.Writer) {
	if l.Found[foundRecovery] == 0 {
		return
	}
	fmt.Fprintln(out, "\nthe slowest to recover:")
	for _, s := range l.Slowest {
		fmt.Fprintf(out, "  upload %s: %v after %s at %s\n", s.Upload, s.Took.Round(time.Millisecond), s.Blow, s.From.Local().Format(clockFormat))
	}
}
