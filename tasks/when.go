package tasks

import (
	"strconv"
	"strings"
	"time"
)

// ParseWhen reads a time as people write it: how long ago it was (2h, 1d), today, yesterday, a day, or a time. Days and
// times without a zone are of now's zone. "" is the zero time.
func ParseWhen(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if d, err := span(s); err == nil {
		return now.Add(-d), nil
	}
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, now.Location())
	switch s {
	case "today":
		return midnight, nil
	case "yesterday":
		return midnight.AddDate(0, 0, -1), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05 -07:00", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, now.Location()); err == nil {
			return t, nil
		}
	}
	return time.Time{}, Textf("%q is not a time: give a span like 2h or 1d, a day like 2026-11-27 or yesterday, or a time like 2026-11-27T15:04:05+08:00", s)
}

// ParseUntil reads a time to come as people write it: how long until then (30d, 12h), a day, which it includes, or a time. Days and
// times without a zone are of now's zone. "" is the zero time.
func ParseUntil(s string, now time.Time) (time.Time, error) {
	if d, err := span(s); err == nil {
		return now.Add(d), nil
	}
	t, err := ParseWhen(s, now)
	if err != nil {
		return t, Textf("%q is not a time: give a span like 30d or 12h, a day like 2026-12-31, or a time like 2026-12-31T15:04:05+08:00", s)
	}
	if _, err := time.Parse(time.DateOnly, s); err == nil {
		t = t.AddDate(0, 0, 1)
	}
	return t, nil
}

// span reads a duration that may begin with days, as 1d or 1d12h.
func span(s string) (time.Duration, error) {
	days, rest, hasDays := strings.Cut(s, "d")
	if !hasDays {
		return time.ParseDuration(s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, Textf("%q is not a span", s)
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := time.ParseDuration(rest)
	return d + more, err
}
