package output

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Count is a number with what it counts, as in Count(1, "file", "files").
func Count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// Time is a time in UTC, as in RFC 3339. The zero time is "".
func Time(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// Source shows a source to people. A file below the working folder is shown by its relative path.
func Source(s string) string {
	if s == "" { // a row that could not be read
		return ""
	}
	src, err := tasks.ParseSource(s)
	if err != nil {
		return strconv.Quote(s)
	}
	if src.Local() {
		if here, err := os.Getwd(); err == nil {
			if rel, err := filepath.Rel(here, filepath.Join(src.Root, src.Path)); err == nil && filepath.IsLocal(rel) {
				src = tasks.Source{Path: rel}
			}
		}
	}
	return src.Display()
}

// Local is a time as people read it, in their own zone and with it. The zero time is "".
func Local(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05 -07:00")
}

// shortID is as much of an ID as names one upload of a process: its time, and what counts within a millisecond.
const shortID = len("01902c5e-8f2b-7c3a")

// ShortID returns the beginning of an ID. Commands take it for the ID, unless another ID begins the same way.
func ShortID(id uuid.UUID) string { return id.String()[:shortID] }

// Age is a span as people say it, in its largest unit: 5s, 12m, 3h, 9d.
func Age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	default:
		return fmt.Sprintf("%dd", int(d.Hours()/24))
	}
}
