package output

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

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

// Source shows where a file is, relative to the working folder where it lies below it.
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
