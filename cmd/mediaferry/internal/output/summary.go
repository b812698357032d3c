package output

import (
	"cmp"
	"fmt"
	"io"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
)

// Summarize says how many ended how, and for every kind of trouble what it was, whom it met and what to do about it.
func Summarize(w io.Writer, outcomes []tasks.Outcome) {
	counts := map[tasks.State]int{}
	reused := 0
	for _, o := range outcomes {
		counts[o.State]++
		if o.Reused {
			reused++
		}
	}
	for _, t := range troubles(outcomes) {
		fmt.Fprintf(w, "%s: %s: %s\n", t.files(), t.state, t.reason)
		if t.hint != "" {
			fmt.Fprintf(w, "    %s\n", t.hint)
		}
	}
	fmt.Fprintf(w, "%s: %d succeeded (%d reused), %d failed, %d canceled, %d open\n", Count(len(outcomes), "file", "files"),
		counts[tasks.Succeeded], reused, counts[tasks.Failed], counts[tasks.Canceled],
		counts[tasks.Queued]+counts[tasks.Running]+counts[tasks.Waiting])
}

// trouble is what several files met alike.
type trouble struct {
	state        tasks.State
	reason, hint string
	first        string
	more         int
}

func (t trouble) files() string {
	if t.more == 0 {
		return t.first
	}
	return fmt.Sprintf("%s and %d more", t.first, t.more)
}

// troubles gathers what did not succeed, in the order of the files.
func troubles(outcomes []tasks.Outcome) []trouble {
	var all []trouble
	for _, o := range outcomes {
		if o.State == tasks.Succeeded || o.Reason == "" {
			continue
		}
		i := slices.IndexFunc(all, func(t trouble) bool { return t.state == o.State && t.reason == o.Reason })
		if i < 0 {
			all = append(all, trouble{state: o.State, reason: o.Reason, hint: o.Hint, first: cmp.Or(Source(o.Source), "a row")})
			continue
		}
		all[i].more++
	}
	return all
}
