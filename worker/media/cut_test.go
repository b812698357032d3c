package media_test

import (
	"bytes"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// places are the 20 places at which a file of n bytes is cut off: twentieths, and the last byte.
func places(n int) []int {
	var at []int
	for i := 1; i < 20; i++ {
		at = append(at, n*i/20)
	}
	return append(at, n-1)
}

// A picture that is cut off is refused exactly where a full decode fails. (Bytes after the end may be missing.)
func TestCutPictures(t *testing.T) {
	t.Parallel()
	decoders := map[string]func([]byte) error{
		"jpeg": func(b []byte) error { _, err := jpeg.Decode(bytes.NewReader(b)); return err },
		"png":  func(b []byte) error { _, err := png.Decode(bytes.NewReader(b)); return err },
		"gif":  func(b []byte) error { _, err := gif.DecodeAll(bytes.NewReader(b)); return err },
	}
	cuts := 0
	for _, s := range truth(t) {
		if s.verdict != "ok" || s.typ != tasks.Image {
			continue
		}
		whole := s.read(t)
		for _, n := range places(len(whole)) {
			b := whole[:n]
			c, err := media.Check(b, tasks.Image, media.DefaultLimits())
			decoded := error(nil)
			if decode, ok := decoders[c.Format]; ok {
				decoded = decode(b)
				cuts++
			}
			if (err == nil) != (decoded == nil) {
				t.Errorf("%s cut to %d of %d bytes: %v, the decoder says: %v", s.name, n, len(whole), err, decoded)
			}
		}
	}
	if cuts < 400 {
		t.Errorf("%d cuts were decoded, want 400 or more", cuts)
	}
}

// Sound that is cut off still plays, up to the cut: it is accepted with what is left of it, as long as ffprobe finds
// any. A frame that was cut counts as a whole one, for us as for ffprobe, and is noted. Bytes behind the last frame that
// are none (a cut tag, garbage) are noted too: ffprobe gives them out as one more packet.
func TestCutVoices(t *testing.T) {
	t.Parallel()
	eachCut(t, tasks.Voice, func(t *testing.T, s sample, b []byte, packets int, _ bool) {
		c, err := media.Check(b, tasks.Voice, media.DefaultLimits())
		if (err == nil) != (packets > 0) {
			t.Fatalf("%v, ffprobe counts %d packets", err, packets)
		}
		if err != nil {
			return
		}
		if slices.ContainsFunc(c.Notes, func(n string) bool { return strings.HasSuffix(n, "after the end") }) {
			packets--
		}
		sameDuration(t, c.Duration, packets, s)
	})
}

// A film that is cut off is refused wherever a box is cut, even where ffmpeg gets by without the rest of it. What is
// accepted, ffmpeg reads to the last packet without a complaint.
func TestCutFilms(t *testing.T) {
	t.Parallel()
	afterEnd := 0
	eachCut(t, tasks.Video, func(t *testing.T, s sample, b []byte, packets int, complaint bool) {
		c, err := media.Check(b, tasks.Video, media.DefaultLimits())
		if err == nil && (packets != s.packets || complaint) {
			t.Errorf("accepted, ffmpeg reads %d of %d packets, complaint: %t", packets, s.packets, complaint)
		}
		if err == nil {
			afterEnd++
			if len(c.Notes) != 1 || !strings.HasSuffix(c.Notes[0], "after the end") {
				t.Errorf("accepted with the notes %q, want one about bytes after the end", c.Notes)
			}
		}
	})
	if afterEnd != 1 { // the last place of tail.mp4
		t.Errorf("%d cut films were accepted, want 1", afterEnd)
	}
}

// eachCut calls check with each row of testdata/cuts.tsv of type typ.
func eachCut(t *testing.T, typ tasks.MediaType, check func(t *testing.T, s sample, b []byte, packets int, complaint bool)) {
	t.Helper()
	samples := map[string]sample{}
	files := map[string][]byte{}
	for _, s := range truth(t) {
		if s.typ == typ {
			samples[s.name], files[s.name] = s, s.read(t)
		}
	}
	cuts := map[string]int{}
	for _, r := range rows(t, "cuts.tsv") {
		s, ok := samples[r[0]]
		if !ok {
			continue
		}
		n, err := strconv.Atoi(r[1])
		if err != nil {
			t.Fatal(err)
		}
		packets, _ := strconv.Atoi(r[2]) // "-" is none
		cuts[s.name]++
		t.Run(s.name+"/"+r[1], func(t *testing.T) { check(t, s, files[s.name][:n], packets, r[3] == "yes") })
	}
	for name, s := range samples {
		if s.verdict == "ok" && cuts[name] != 20 {
			t.Errorf("%s was cut at %d places, want 20: run testdata/make.sh", name, cuts[name])
		}
	}
}
