package report

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

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/check"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
)

// Publish prints the report to out, and writes it as JSON to a file unless file is empty.
func (r Report) Publish(out io.Writer, file string) error {
	for _, run := range r.Runs {
		run.print(out)
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

func (run RunReport) print(out io.Writer) {
	fmt.Fprintf(out, "\n== %s ==\n", run.Run.Name)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	line("uploads acknowledged", "%d", run.Accepted)
	line("requests without an answer", "%d", run.Unanswered)
	line("outcomes", "%d succeeded, %d failed, %d canceled", run.Outcomes[tasks.Succeeded], run.Outcomes[tasks.Failed], run.Outcomes[tasks.Canceled])
	for _, k := range check.Kinds {
		line(k, "%d", run.Found[k])
	}
	line("duplicates at WeChat", "%d of %d calls (at most %d are explained)", run.Duplicates, run.Calls, run.Bound)
	line("webhook requests", "%d", run.Webhooks)
	line("recovery after a kill", "p50 %.1f s, p99 %.1f s, max %.1f s of %d uploads", run.P50, run.P99, run.Max, run.Recovered)
	line("kills, stops, restarts", "%d", run.Kills)
	line("disk of the ledger", "%s", disk(run.Run))
	line("other exits", "%d", len(run.Exits))
	line("settled", "%v", run.Settled)
	_ = w.Flush() // to a terminal
	run.printAttacks(out)
	run.printTrends(out)
	run.printFindings(out)
}

// disk says how the disk of the ledger can be full.
func disk(run scenario.Run) string {
	switch {
	case run.Ledger != "sqlite":
		return "never full"
	case run.Disk > 0:
		return fmt.Sprintf("%d MiB of its own", run.Disk>>20)
	}
	return "none of its own: RLIMIT_FSIZE stopped processes from writing"
}

func (run RunReport) printAttacks(out io.Writer) {
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ATTACK\tTIMES\tNEXT SUCCESS AFTER (MAX)")
	for _, name := range slices.Sorted(maps.Keys(run.Attacks)) {
		s := run.Attacks[name]
		note := ""
		if s.Failed > 0 {
			note = fmt.Sprintf("\t%d could not be made", s.Failed)
		}
		fmt.Fprintf(w, "%s\t%d\t%.2f s%s\n", name, s.Times, s.NextSuccess, note)
	}
	_ = w.Flush() // to a terminal
}

func (run RunReport) printTrends(out io.Writer) {
	if len(run.Trends) == 0 {
		return
	}
	fmt.Fprintln(out)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "PROCESS\tHOLDS\tSECOND QUARTER\tLAST QUARTER\tALLOWED")
	for _, t := range run.Trends {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\n", t.Process, t.Of, t.Early, t.Late, t.Allowed)
	}
	_ = w.Flush() // to a terminal
}

// mostPrinted is how many findings of one kind are printed. The JSON has all of them.
const mostPrinted = 8

func (run RunReport) printFindings(out io.Writer) {
	if len(run.Findings) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%d findings:\n", len(run.Findings))
	seen := map[string]int{}
	for _, f := range run.Findings {
		if seen[f.Kind]++; seen[f.Kind] > mostPrinted {
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
	run.printSlowest(out)
	for _, id := range slices.SortedFunc(maps.Keys(run.Timelines), func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) }) {
		fmt.Fprintf(out, "\nhistory of upload %s:\n  %s\n", id, strings.Join(run.Timelines[id], "\n  "))
	}
}

func (run RunReport) printSlowest(out io.Writer) {
	if run.Found[check.LateRecovery] == 0 {
		return
	}
	fmt.Fprintln(out, "\nthe slowest to recover:")
	for _, s := range run.Slowest {
		fmt.Fprintf(out, "  upload %s: %v after %s at %s\n", s.Upload, s.Took.Round(time.Millisecond), s.Attack, s.From.Local().Format(check.TimeFormat))
	}
}
