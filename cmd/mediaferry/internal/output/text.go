package output

import (
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

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
