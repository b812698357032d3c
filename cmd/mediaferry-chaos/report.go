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
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// report is what a run came to.
type report struct {
	Seed     uint64      `json:"seed"`
	Findings int         `json:"findings"`
	Legs     []legReport `json:"legs"`
}

// legReport is what one leg came to. Durations are in seconds.
type legReport struct {
	Leg        leg                     `json:"leg"`
	Quiet      bool                    `json:"came_to_rest"`
	Accepted   int                     `json:"acknowledged"`
	Unanswered int                     `json:"unanswered"` // HTTP requests
	Outcomes   map[tasks.State]int     `json:"outcomes"`
	Found      map[string]int          `json:"found"` // by kind; every kind is in it
	Findings   []finding               `json:"findings"`
	Timelines  map[uuid.UUID][]string  `json:"timelines,omitempty"` // of the first uploads that were found
	Calls      int                     `json:"upload_calls"`
	Duplicates int                     `json:"duplicates"`
	Bound      int                     `json:"duplicates_bound"`
	Webhooks   int                     `json:"webhook_requests"`
	Struck     map[string]struckReport `json:"attacks"`
	Kills      int                     `json:"kills"`
	Recovered  int                     `json:"recoveries"`
	P50        float64                 `json:"recovery_p50"`
	P99        float64                 `json:"recovery_p99"`
	Max        float64                 `json:"recovery_max"`
	Exits      []processExit           `json:"exits,omitempty"`
	Growth     []growth                `json:"growth,omitempty"`
	Schedule   []strike                `json:"schedule"`
}

// struckReport is what became of one kind of attack.
type struckReport struct {
	Times  int     `json:"times"`
	Failed int     `json:"failed,omitzero"` // could not be made
	Resume float64 `json:"next_success_max"`
}

// timelines is for how many findings the whole story is told.
const timelines = 3

func newReport(s settings, histories []*history) report {
	r := report{Seed: s.seed}
	for _, h := range histories {
		l := reportLeg(h)
		r.Seed = h.Leg.Seed
		r.Findings += len(l.Findings)
		r.Legs = append(r.Legs, l)
	}
	return r
}

func reportLeg(h *history) legReport {
	rec := newRecords(h)
	l := legReport{
		Leg: h.Leg, Quiet: h.Quiet, Accepted: len(rec.acked), Unanswered: h.unanswered(), Outcomes: map[tasks.State]int{}, Found: map[string]int{}, Findings: check(h),
		Timelines: map[uuid.UUID][]string{}, Webhooks: len(h.Hooks), Struck: map[string]struckReport{}, Exits: h.Exits, Growth: h.growths(), Schedule: h.Strikes,
	}
	for _, o := range h.Outcomes {
		l.Outcomes[o.State]++
	}
	for _, k := range kinds {
		l.Found[k] = 0
	}
	for _, f := range l.Findings {
		l.Found[f.Kind]++
		if f.Upload != uuid.Nil && len(l.Timelines) < timelines && l.Timelines[f.Upload] == nil {
			l.Timelines[f.Upload] = rec.timeline(f.Upload)
		}
	}
	rec.uploadCalls(func(wechattest.Call) { l.Calls++ })
	l.Duplicates, l.Bound = rec.duplicates()
	l.addStrikes(h)
	took := rec.recoveries()
	l.Recovered = len(took)
	l.P50, l.P99, l.Max = quantile(took, 0.5).Seconds(), quantile(took, 0.99).Seconds(), quantile(took, 1).Seconds()
	return l
}

func (l *legReport) addStrikes(h *history) {
	at := h.successes()
	for _, s := range h.Strikes {
		k := l.Struck[s.Attack]
		k.Times++
		if s.Err != "" {
			k.Failed++
		}
		if d, ok := h.resumption(s, at); ok {
			k.Resume = max(k.Resume, d.Seconds())
		}
		l.Struck[s.Attack] = k
		if a := findAttack(s.Attack); a != nil && a.kill {
			l.Kills++
		}
	}
}

// publish prints the report, and writes it as JSON where a file was named.
func (r report) publish(out io.Writer, file string) error {
	for _, l := range r.Legs {
		l.print(out)
	}
	verdict := "nothing found"
	if r.Findings > 0 {
		verdict = fmt.Sprintf("%d FINDINGS", r.Findings)
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
	for _, id := range slices.SortedFunc(maps.Keys(l.Timelines), func(a, b uuid.UUID) int { return cmp.Compare(a.String(), b.String()) }) {
		fmt.Fprintf(out, "\nhistory of upload %s:\n  %s\n", id, strings.Join(l.Timelines[id], "\n  "))
	}
}

// moment is one line of a timeline.
type moment struct {
	at   time.Time
	text string
}

// timeline tells all that is known of one upload, in order.
func (r *records) timeline(id uuid.UUID) []string {
	var ms []moment
	add := func(at time.Time, format string, args ...any) {
		ms = append(ms, moment{at, fmt.Sprintf(format, args...)})
	}
	o := r.outcomes[id]
	for _, e := range r.Log {
		if e.ID == id || o != nil && (e.Source == o.Source || e.Producer == o.Producer && e.Name == r.name(o)) {
			add(e.At, "%s %s %s %.12s", e.Kind, e.Name, e.Source, e.SHA256)
		}
	}
	for _, e := range r.Events {
		if uploadOf(e) == id {
			add(e.At, "event %d %s: %s", e.Seq, e.Type, e.Data)
			for _, h := range r.hooks[e.ID.String()] {
				add(h.At, "webhook %s, verified %v, answered %d", h.Type, h.Verified, h.Answer)
			}
		}
	}
	if o != nil {
		r.tellOutcome(o, add)
	}
	for _, s := range r.Strikes {
		if len(ms) > 0 && slices.Contains(s.Busy, id) {
			add(s.Struck, "running somewhere when %s struck %s", s.Attack, s.What)
		}
	}
	slices.SortStableFunc(ms, func(a, b moment) int { return a.at.Compare(b.at) })
	var lines []string
	for _, m := range ms {
		lines = append(lines, m.at.Local().Format(clockFormat)+"  "+m.text)
	}
	return lines
}

func (r *records) tellOutcome(o *tasks.Outcome, add func(time.Time, string, ...any)) {
	for _, a := range o.History {
		add(a.Started, "attempt %d of round %d began, took %v: %s %s", a.Number, a.Round, a.Took.Round(time.Millisecond), a.Code, a.Reason)
	}
	hashes := r.versions[o.Source]
	r.uploadCalls(func(c wechattest.Call) {
		if hashes[c.SHA256] && c.AppID == appIDs[o.Account] {
			add(c.Time, "WeChat got %.12s, answered %d errcode %d, media_id %q %s", c.SHA256, c.Status, c.Errcode, c.MediaID, c.Fault)
		}
	})
	add(o.Submitted, "in the ledger: %s %s, now %s %s, round %d, %d attempts, media_id %q", o.Account, o.Type, o.State, o.Code, o.Round, o.Attempts, o.MediaID)
	if !o.Finished.IsZero() {
		add(o.Finished, "%s", o.State)
	}
}
