package tasks_test

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestParseWhen(t *testing.T) {
	t.Parallel()
	zone := time.FixedZone("CST", 8*3600)
	now := time.Date(2026, 11, 27, 15, 4, 5, 0, zone)
	for s, want := range map[string]string{
		"2h":                         "2026-11-27T13:04:05+08:00",
		"1d":                         "2026-11-26T15:04:05+08:00",
		"1d12h":                      "2026-11-26T03:04:05+08:00",
		"0d":                         "2026-11-27T15:04:05+08:00",
		"today":                      "2026-11-27T00:00:00+08:00",
		"yesterday":                  "2026-11-26T00:00:00+08:00",
		"2026-11-27":                 "2026-11-27T00:00:00+08:00",
		"2026-11-27 09:30":           "2026-11-27T09:30:00+08:00",
		"2026-11-27T09:30:00Z":       "2026-11-27T09:30:00Z",
		"2026-11-27 09:30:00 +01:00": "2026-11-27T09:30:00+01:00",
		"soon":                       "", "d": "", "-1d": "", "1dx": "", "2026-13-01": "",
	} {
		got, err := tasks.ParseWhen(s, now)
		text := ""
		if err == nil {
			text = got.Format(time.RFC3339)
		}
		if text != want {
			t.Errorf("%s: %s (%v), want %s", s, text, err, want)
		}
	}
}
