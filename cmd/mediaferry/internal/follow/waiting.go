package follow

import (
	"cmp"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// waitingNote says how many uploads wait, why most of them do, and when the first of those is tried again:
// "3 wait: connection refused, next try in 4 s". It is empty where none waits.
func waitingNote(w *words.Words, outcomes []tasks.Outcome, now time.Time) string {
	n := 0
	most, counts := cause{}, map[cause]int{}
	first := map[cause]time.Time{}
	for _, o := range outcomes {
		if o.State != tasks.Waiting {
			continue
		}
		n++
		c := causeOf(w, o)
		counts[c]++
		if counts[c] > counts[most] {
			most = c
		}
		if at := first[c]; !o.Until.IsZero() && (at.IsZero() || o.Until.Before(at)) {
			first[c] = o.Until
		}
	}
	switch {
	case n == 0:
		return ""
	case counts[most] < n:
		return w.T("waiting.some", "N", n, "Most", counts[most], "Why", most.text, "Next", next(w, most.code, first[most], now))
	}
	return w.T("waiting.all", "Count", n, "Why", most.text, "Next", next(w, most.code, first[most], now))
}

// cause is why an upload waits.
type cause struct {
	code tasks.Code
	text string
}

// causeOf leaves out the steps in which the reason arose: the summary has them. What is an account's or a limit's is said
// as a whole.
func causeOf(w *words.Words, o tasks.Outcome) cause {
	if !w.English() {
		return cause{o.Code, w.Meaning(o.Code, o.Errcode)}
	}
	c := cause{o.Code, cmp.Or(o.Reason, o.Code.Meaning())}
	if o.Code.Reaction() != tasks.ReactHold {
		c.text = c.text[strings.LastIndex(c.text, ": ")+1:]
	}
	c.text = strings.TrimSpace(c.text)
	return c
}

// next says when an upload is tried again. An account that somebody has to mend first is not.
func next(w *words.Words, code tasks.Code, at, now time.Time) string {
	const soon = 2 * time.Minute
	left := at.Sub(now)
	switch {
	case at.IsZero() || code == tasks.AccountHeld:
		return ""
	case left <= 0:
		return w.T("waiting.now")
	case left < soon:
		return w.T("waiting.in", "Seconds", int((left+time.Second-1)/time.Second))
	case tasks.DayOf(at, now.Location()) == tasks.DayOf(now, now.Location()):
		return w.T("waiting.at", "Time", at.In(now.Location()).Format(time.TimeOnly))
	}
	return w.T("waiting.on", "Time", at.In(now.Location()).Format("2006-01-02 15:04 -07:00"))
}
