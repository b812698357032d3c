package tasks_test

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestDay(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		at, end string
		zone    *time.Location
		day     int64
	}{
		"the first in Shanghai":      {"1969-12-31T16:00:00Z", "1970-01-01T16:00:00Z", nil, 0},
		"a moment before":            {"1969-12-31T15:59:59.999Z", "1969-12-31T16:00:00Z", nil, -1},
		"UTC":                        {"2026-11-22T23:59:59Z", "2026-11-23T00:00:00Z", time.UTC, 20779},
		"the same time in Shanghai":  {"2026-11-22T23:59:59Z", "2026-11-23T16:00:00Z", nil, 20780},
		"a day of 23 hours (Berlin)": {"2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", berlin, 20541},
		"a day of 25 hours (Berlin)": {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", berlin, 20751},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		if day := tasks.DayOf(at, c.zone); day != c.day {
			t.Errorf("%s: day %d, want %d", name, day, c.day)
		}
		if end := tasks.DayEnd(at, c.zone).Format(time.RFC3339); end != c.end {
			t.Errorf("%s: ends at %s, want %s", name, end, c.end)
		}
	}
}
