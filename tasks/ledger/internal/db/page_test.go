package db

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
)

func FuzzCursor(f *testing.F) {
	f.Add("", int64(0))
	f.Add(Cursor(7), int64(-1))
	f.Add("AAAAAAAAAAAA", int64(1)<<62)
	f.Fuzz(func(t *testing.T, text string, seq int64) {
		if got, err := ParseCursor(Cursor(seq)); err != nil || got != seq {
			t.Errorf("%d is read back as %d, %v", seq, got, err)
		}
		if _, err := ParseCursor(text); err != nil && tasks.CodeOf(err) != tasks.Invalid {
			t.Errorf("%q: %v", text, err)
		}
	})
}
