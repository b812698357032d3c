package follow

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// waitingNote says how many uploads wait, why most of them do, and when the first of those is tried again:
// "3 wait: connection refused, next try in 4 s". It is empty where none waits.
func waitingNote(outcomes []tasks.Outcome, now time.Time) string {
	n := 0
	most, counts := cause{}, map[cause]int{}
	first := map[cause]time.Time{}
	for _, o := range outcomes {
		if o.State != tasks.Waiting {
			continue
		}
		n++
		c := causeOf(o)
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
		return fmt.Sprintf("%d wait, %d of them: %s%s", n, counts[most], most.text, next(most.code, first[most], now))
	case n == 1:
		return fmt.Sprintf("1 waits: %s%s", most.text, next(most.code, first[most], now))
	}
	return fmt.Sprintf("%d wait: %s%s", n, most.text, next(most.code, first[most], now))
}

// cause is why an upload waits.
type cause struct {
	code tasks.Code
	text string
}

// causeOf leaves out the steps in which the reason arose: the summary has them. What is an account's or a limit's is said
// as a whole.
func causeOf(o tasks.Outcome) cause {
	c := cause{o.Code, cmp.Or(o.Reason, o.Code.Meaning())}
	if o.Code.Reaction() != tasks.ReactHold {
		c.text = c.text[strings.LastIndex(c.text, ": ")+1:]
	}
	c.text = strings.TrimSpace(c.text)
	return c
}

// next says when an upload is tried again. An account that somebody has to mend first is not.
func next(code tasks.Code, at, now time.Time) string {
	const soon = 2 * time.Minute
	left := at.Sub(now)
	switch {
	case at.IsZero() || code == tasks.AccountHeld:
		return ""
	case left <= 0:
		return ", next try now"
	case left < soon:
		return fmt.Sprintf(", next try in %d s", (left+time.Second-1)/time.Second)
	case tasks.DayOf(at, now.Location()) == tasks.DayOf(now, now.Location()):
		return ", next try at " + at.In(now.Location()).Format(time.TimeOnly)
	}
	return ", next try on " + at.In(now.Location()).Format("2006-01-02 15:04 -07:00")
}
