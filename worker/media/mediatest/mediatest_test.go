package mediatest_test

import (
	"bytes"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

func TestSamplesAreAccepted(t *testing.T) {
	t.Parallel()
	seen := map[tasks.MediaType]bool{}
	for _, s := range mediatest.Samples() {
		c, err := media.Check(s.Bytes, s.Type, media.DefaultLimits())
		if err != nil || len(c.Notes) > 0 {
			t.Errorf("%s: %v, notes %q", s.Name, err, c.Notes)
		}
		seen[s.Type] = true
	}
	for _, typ := range tasks.MediaTypes {
		if !seen[typ] {
			t.Errorf("no sample of type %s", typ)
		}
	}
}

func TestBrokenAreRefused(t *testing.T) {
	t.Parallel()
	want := map[string]tasks.Code{
		"empty.jpg":           tasks.Empty,
		"truncated.jpg":       tasks.Corrupt,
		"damaged.png":         tasks.Corrupt,
		"webp-named.jpg":      tasks.Unsupported,
		"too-long.amr":        tasks.TooLong,
		"text.mp3":            tasks.Unsupported,
		"cut-off.mp4":         tasks.Corrupt,
		"too-large.thumb.jpg": tasks.TooLarge,
	}
	for _, s := range mediatest.Broken() {
		if _, err := media.Check(s.Bytes, s.Type, media.DefaultLimits()); tasks.CodeOf(err) != want[s.Name] {
			t.Errorf("%s: %v, want %s", s.Name, err, want[s.Name])
		}
		delete(want, s.Name)
	}
	if len(want) > 0 {
		t.Errorf("not made: %v", want)
	}
}

func TestDistinctFilesAreGoodAndOfTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	// How far a file may be from the size asked for: a frame, a segment's head, or less than the smallest file.
	slack := map[tasks.MediaType]int{tasks.Image: 4, tasks.Voice: 1044, tasks.Video: 0, tasks.Thumb: 4}
	for _, typ := range tasks.MediaTypes {
		for _, size := range []int{16 << 10, 64 << 10, 200_000, 1 << 20} {
			b := mediatest.Distinct(7, typ, size)
			c, err := media.Check(b, typ, media.DefaultLimits())
			if err != nil || len(c.Notes) > 0 {
				t.Errorf("%s of %d bytes: %v, notes %q", typ, size, err, c.Notes)
			}
			want := size
			if typ == tasks.Thumb {
				want = min(size, 64<<10)
			}
			if len(b) > want || len(b) < want-slack[typ] {
				t.Errorf("%s of %d bytes has %d, want %d or up to %d less", typ, size, len(b), want, slack[typ])
			}
		}
	}
}

func TestDistinctFilesDiffer(t *testing.T) {
	t.Parallel()
	for _, typ := range tasks.MediaTypes {
		for _, size := range []int{0, 4096, 100_000} {
			seen := map[tasks.Hash]int{}
			for i := range 200 {
				b := mediatest.Distinct(i, typ, size)
				if j, ok := seen[tasks.HashOf(b)]; ok {
					t.Fatalf("%s of %d bytes: %d and %d are the same", typ, size, i, j)
				}
				seen[tasks.HashOf(b)] = i
			}
			if !bytes.Equal(mediatest.Distinct(3, typ, size), mediatest.Distinct(3, typ, size)) {
				t.Errorf("%s of %d bytes: the same i gives other bytes", typ, size)
			}
		}
	}
}
