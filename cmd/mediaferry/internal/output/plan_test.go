package output_test

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/tasks"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.Local)
	midnight := func(days int) time.Time { return time.Date(2026, 11, 24+days, 0, 0, 0, 0, time.Local) }
	days := func(uploads ...int) (ds []tasks.PlannedDay) {
		for i, n := range uploads {
			at := midnight(i)
			if i == 0 {
				at = now
			}
			ds = append(ds, tasks.PlannedDay{Begins: at, Uploads: n})
		}
		return ds
	}
	for want, p := range map[string]tasks.Plan{
		"7 today, done today about 12:30":                                              {Days: days(7), Done: now.Add(30 * time.Minute), Measured: true},
		"7 today, done today":                                                          {Days: days(7), Done: now},
		"1900 today, 2600 tomorrow, done tomorrow about 10:40":                         {Days: days(1900, 2600), Done: midnight(1).Add(640 * time.Minute), Measured: true},
		"1 today, 2 tomorrow, 2 Thu Nov 26, 1 Fri Nov 27, done Fri Nov 27 after 00:00": {Days: days(1, 2, 2, 1), Done: midnight(3)},
		"1 today, 1 tomorrow, 1 Thu Nov 26, …, done in more than a year":               {Days: days(1, 1, 1, 1, 1, 1)},
	} {
		if got := output.Plan(nil, p, now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
