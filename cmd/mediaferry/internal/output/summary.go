package output

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Summarize prints the counts of the outcomes, and for every kind of failure its reason, its files and what to do about it.
// before has the uploads that had their outcome before this command. Held accounts come last.
func Summarize(w io.Writer, outcomes []tasks.Outcome, before map[uuid.UUID]bool) {
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
	for _, t := range failures(outcomes) {
		fmt.Fprintf(w, "%s: %s: %s\n", t.files(), t.state, t.reason)
		if t.hint != "" {
			fmt.Fprintf(w, "    %s\n", t.hint)
		}
	}
	rerun := ""
	if kept > 0 {
		rerun = fmt.Sprintf("; %d from before, %s", kept, Count(calls, "call", "calls"))
	}
	fmt.Fprintf(w, "%s: %d succeeded (%d reused), %d failed, %d canceled, %d open%s\n", Count(len(outcomes), "file", "files"),
		counts[tasks.Succeeded], reused, counts[tasks.Failed], counts[tasks.Canceled],
		counts[tasks.Queued]+counts[tasks.Running]+counts[tasks.Waiting], rerun)
	sayHeld(w, outcomes)
}

// sayHeld names each account that is held until an operator acts, with what to do.
func sayHeld(w io.Writer, outcomes []tasks.Outcome) {
	var said []string
	for _, o := range outcomes {
		if o.State != tasks.Waiting || o.Code != tasks.AccountHeld || slices.Contains(said, o.Account) {
			continue
		}
		said = append(said, o.Account)
		fmt.Fprintf(w, "account %s is held: %s\n", o.Account, o.Reason)
		fmt.Fprintf(w, "    mend it, then: mediaferry accounts resume %s; after a change of its secret or token, run this again\n", o.Account)
	}
}

// failure is what several files met alike.
type failure struct {
	state        tasks.State
	reason, hint string
	first        string
	more         int
}

func (t failure) files() string {
	if t.more == 0 {
		return t.first
	}
	return fmt.Sprintf("%s and %d more", t.first, t.more)
}

// failures gathers what did not succeed, in the order of the files.
func failures(outcomes []tasks.Outcome) []failure {
	var all []failure
	for _, o := range outcomes {
		held := o.State == tasks.Waiting && o.Code == tasks.AccountHeld // is said last
		if o.State == tasks.Succeeded || o.Reason == "" || held {
			continue
		}
		i := slices.IndexFunc(all, func(t failure) bool { return t.state == o.State && t.reason == o.Reason })
		if i < 0 {
			all = append(all, failure{state: o.State, reason: o.Reason, hint: o.Hint, first: cmp.Or(Source(o.Source), "a row")})
			continue
		}
		all[i].more++
	}
	return all
}
