package output

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Columns stand one below the other where a character takes two cells, one, or none.
func TestGridCountsCells(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	g := NewGrid(&b, "FILE", "TYPE", "")
	g.Row("封面.jpg", "image", "×")
	g.Row("a.jpg", "voice")
	g.Row("cafe\u0301.jpg", "video", "")
	if err := g.Flush(); err != nil {
		t.Fatal(err)
	}
	want := "FILE      TYPE\n封面.jpg  image  ×\na.jpg     voice\ncafe\u0301.jpg  video\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
