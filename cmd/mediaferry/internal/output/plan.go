package output

import (
	"fmt"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// daysNamed is how many days of a plan are told one by one.
const daysNamed = 3

// Plan says when uploads will be done, by the clocks of this machine: "1900 today, 2600 tomorrow, done Thu Nov 26 about 10:40".
func Plan(p tasks.Plan, now time.Time) string {
	var parts []string
	for i, d := range p.Days {
		if i == daysNamed && len(p.Days) > daysNamed+1 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, fmt.Sprintf("%d %s", d.Uploads, dayName(d.Begins, now)))
	}
	switch {
	case p.Done.IsZero():
		parts = append(parts, "done in more than a year")
	case p.Measured:
		parts = append(parts, "done "+dayName(p.Done, now)+" about "+p.Done.Local().Format("15:04"))
	case !p.Done.After(now):
		parts = append(parts, "done today")
	default:
		parts = append(parts, "done "+dayName(p.Done, now)+" after "+p.Done.Local().Format("15:04"))
	}
	return strings.Join(parts, ", ")
}

func dayName(t, now time.Time) string {
	date := func(t time.Time) string { return t.Local().Format(time.DateOnly) }
	switch date(t) {
	case date(now):
		return "today"
	case date(now.Local().AddDate(0, 0, 1)):
		return "tomorrow"
	}
	return t.Local().Format("Mon Jan 2")
}
