package tasks_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) // 20:00 in Shanghai, 4 hours before the day ends
	midnight := func(days int) time.Time { return time.Date(2026, 11, 24+days, 16, 0, 0, 0, time.UTC) }
	day := func(begins time.Time, uploads int) tasks.PlannedDay {
		return tasks.PlannedDay{Begins: begins, Uploads: uploads}
	}
	for name, c := range map[string]struct {
		p    tasks.Prospect
		n    int
		want tasks.Plan
	}{
		"nothing to do": {tasks.Prospect{}, 0, tasks.Plan{Done: now}},
		"no limit, and a rate": {tasks.Prospect{PerSecond: 2}, 7200,
			tasks.Plan{Days: []tasks.PlannedDay{day(now, 7200)}, Done: now.Add(time.Hour), Measured: true}},
		"neither": {tasks.Prospect{}, 7, tasks.Plan{Days: []tasks.PlannedDay{day(now, 7)}, Done: now}},
		"a daily limit": {tasks.Prospect{Left: 100, Daily: 500}, 1300,
			tasks.Plan{Days: []tasks.PlannedDay{day(now, 100), day(midnight(0), 500), day(midnight(1), 500), day(midnight(2), 200)}, Done: midnight(2)}},
		"a daily limit and a rate": {tasks.Prospect{Left: 100, Daily: 500, PerSecond: 0.1}, 460,
			tasks.Plan{Days: []tasks.PlannedDay{day(now, 100), day(midnight(0), 360)}, Done: midnight(0).Add(time.Hour), Measured: true}},
		"a rate that does not reach the limit": {tasks.Prospect{Left: 9000, Daily: 9000, PerSecond: 0.1}, 1440 + 3600,
			tasks.Plan{Days: []tasks.PlannedDay{day(now, 1440), day(midnight(0), 3600)}, Done: midnight(0).Add(10 * time.Hour), Measured: true}},
		"a hold until tomorrow": {tasks.Prospect{From: midnight(0).Add(time.Hour), Left: 400, Daily: 500, PerSecond: 1}, 60,
			tasks.Plan{Days: []tasks.PlannedDay{day(midnight(0).Add(time.Hour), 60)}, Done: midnight(0).Add(61 * time.Minute), Measured: true}},
		"a day in another zone": {tasks.Prospect{Left: 1, Daily: 500, Zone: time.UTC}, 2,
			tasks.Plan{Days: []tasks.PlannedDay{day(now, 1), day(time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC), 1)}, Done: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)}},
	} {
		c.p.Now = now
		if diff := cmp.Diff(c.want, c.p.Plan(c.n)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	long := tasks.Prospect{Now: now, Left: 1, Daily: 1}.Plan(5000)
	if !long.Done.IsZero() || len(long.Days) != 10 {
		t.Errorf("what takes 5,000 days is done on %v, in %d days", long.Done, len(long.Days))
	}
}
