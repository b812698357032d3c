package output

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/lang"
)

// Summarize prints the counts of the outcomes, and for every kind of failure its reason, its files and what to do about it.
// before has the uploads that had their outcome before this command. Held accounts come last.
func Summarize(say *words.Words, w io.Writer, outcomes []tasks.Outcome, before map[uuid.UUID]bool) {
	counts := map[tasks.State]int{}
	reused, kept, calls := 0, 0, 0
	for _, o := range outcomes {
		counts[o.State]++
		switch {
		case before[o.ID]:
			kept++
		case o.Reused:
			reused++
		default:
			calls += o.Attempts
		}
	}
	for _, t := range failures(say, outcomes) {
		fmt.Fprintln(w, say.T("summary.failure", "Files", t.files(say), "State", say.State(t.state), "Reason", t.reason))
		if t.hint != "" {
			fmt.Fprintln(w, "    "+t.hint)
		}
	}
	rerun := ""
	if kept > 0 {
		rerun = say.T("summary.before", "Kept", kept, "Count", calls)
	}
	fmt.Fprintln(w, say.T("summary.counts", "Count", len(outcomes), "Succeeded", counts[tasks.Succeeded], "Reused", reused,
		"Failed", counts[tasks.Failed], "Canceled", counts[tasks.Canceled],
		"Open", counts[tasks.Queued]+counts[tasks.Running]+counts[tasks.Waiting], "Rerun", rerun))
	sayHeld(say, w, outcomes)
}

// sayHeld names each account that is held until an operator acts, with what to do.
func sayHeld(say *words.Words, w io.Writer, outcomes []tasks.Outcome) {
	var said []string
	for _, o := range outcomes {
		if o.State != tasks.Waiting || o.Code != tasks.AccountHeld || slices.Contains(said, o.Account) {
			continue
		}
		said = append(said, o.Account)
		fmt.Fprintln(w, say.T("summary.held", "Account", o.Account, "Reason", say.Reason(lang.CauseOf(o))))
		if !say.English() { // where the errcode says what to mend
			fmt.Fprintln(w, "    "+say.Remedy(lang.CauseOf(o)))
		}
		fmt.Fprintln(w, "    "+say.T("summary.held_then", "Account", o.Account))
	}
}

// failure is what several files met alike.
type failure struct {
	state        tasks.State
	recorded     string // the reason in English
	reason, hint string
	first        string
	more         int
}

func (t failure) files(say *words.Words) string {
	if t.more == 0 {
		return t.first
	}
	return say.T("summary.more", "First", t.first, "More", t.more)
}

// failures gathers what did not succeed, in the order of the files.
func failures(say *words.Words, outcomes []tasks.Outcome) []failure {
	var all []failure
	for _, o := range outcomes {
		held := o.State == tasks.Waiting && o.Code == tasks.AccountHeld // is said last
		if o.State == tasks.Succeeded || o.Reason == "" || held {
			continue
		}
		i := slices.IndexFunc(all, func(t failure) bool { return t.state == o.State && t.recorded == o.Reason })
		if i < 0 {
			c := lang.CauseOf(o)
			all = append(all, failure{
				state: o.State, recorded: o.Reason, reason: say.Reason(c), hint: say.Remedy(c), first: cmp.Or(Source(o.Source), say.T("summary.row")),
			})
			continue
		}
		all[i].more++
	}
	return all
}
