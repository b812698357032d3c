package output

import (
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/words"
	"github.com/mediaferry/mediaferry/tasks"
)

// daysNamed is how many days of a plan are told one by one.
const daysNamed = 3

// Plan says when uploads will be done, by the clocks of this machine: "1900 today, 2600 tomorrow, done Thu Nov 26 about 10:40".
func Plan(w *words.Words, p tasks.Plan, now time.Time) string {
	var parts []string
	for i, d := range p.Days {
		if i == daysNamed && len(p.Days) > daysNamed+1 {
			parts = append(parts, "…")
			break
		}
		parts = append(parts, w.T("plan.day", "N", d.Uploads, "Day", dayName(w, d.Begins, now)))
	}
	switch {
	case p.Done.IsZero():
		parts = append(parts, w.T("plan.over_a_year"))
	case p.Measured:
		parts = append(parts, w.T("plan.about", "Day", dayName(w, p.Done, now), "Time", p.Done.Local().Format("15:04")))
	case !p.Done.After(now):
		parts = append(parts, w.T("plan.done_today"))
	default:
		parts = append(parts, w.T("plan.after", "Day", dayName(w, p.Done, now), "Time", p.Done.Local().Format("15:04")))
	}
	return w.Join(parts)
}

func dayName(w *words.Words, t, now time.Time) string {
	date := func(t time.Time) string { return t.Local().Format(time.DateOnly) }
	switch date(t) {
	case date(now):
		return w.T("plan.today")
	case date(now.Local().AddDate(0, 0, 1)):
		return w.T("plan.tomorrow")
	}
	return t.Local().Format(w.T("plan.date"))
}
