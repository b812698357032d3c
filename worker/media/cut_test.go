package media_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"image/gif"
	"image/jpeg"
	"io"
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

// A picture that is cut off is refused where a full decode of what is left of it lacks a pixel, whatever the end of the
// file lacks. (Bytes after the end may be missing.)
func TestCutPictures(t *testing.T) {
	t.Parallel()
	cuts, accepted := 0, 0
	for _, s := range truth(t) {
		if s.verdict != "ok" || s.typ != tasks.Image {
			continue
		}
		whole := s.read(t)
		c, err := media.Check(whole, tasks.Image, media.DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		pixels := unpacked(c.Format, whole)
		for _, n := range places(len(whole)) {
			cuts++
			_, err := media.Check(whole[:n], tasks.Image, media.DefaultLimits())
			if same := bytes.Equal(unpacked(c.Format, whole[:n]), pixels); (err == nil) != same {
				t.Errorf("%s cut to %d of %d bytes: %v, all pixels are there: %t", s.name, n, len(whole), err, same)
			}
			if err == nil {
				accepted++
			}
		}
	}
	if cuts < 400 || accepted < 20 {
		t.Errorf("%d cuts were decoded, %d accepted, want 400 or more, and 20", cuts, accepted)
	}
}

// unpacked is what can be decoded of a file that is cut off.
func unpacked(format string, b []byte) []byte {
	switch format {
	case "jpeg":
		m, err := jpeg.Decode(bytes.NewReader(append(slices.Clone(b), 0xff, 0xd9)))
		if err != nil {
			return nil
		}
		return fmt.Append(nil, m)
	case "png":
		return pngRows(b)
	}
	for _, end := range []string{";", "\x00;"} {
		if g, err := gif.DecodeAll(bytes.NewReader(append(slices.Clone(b), end...))); err == nil {
			return fmt.Append(nil, len(g.Image), g.Image[len(g.Image)-1].Pix)
		}
	}
	return nil
}

// pngRows are the bytes of all rows that are there, of all frames.
func pngRows(b []byte) []byte {
	var data [][]byte
	for off := 8; off+8 <= len(b); {
		n := int(binary.BigEndian.Uint32(b[off:]))
		body := b[off+8 : min(len(b), off+8+n)]
		switch string(b[off+4 : off+8]) {
		case "fcTL":
			data = append(data, nil)
		case "fdAT":
			body = body[min(4, len(body)):]
			fallthrough
		case "IDAT":
			if len(data) == 0 {
				data = append(data, nil)
			}
			data[len(data)-1] = append(data[len(data)-1], body...)
		}
		off += 12 + n
	}
	var rows []byte
	for _, d := range data {
		if z, err := zlib.NewReader(bytes.NewReader(d)); err == nil {
			row, _ := io.ReadAll(z) // up to where it is cut off
			rows = append(rows, row...)
		}
	}
	return rows
}

// Sound that is cut off is accepted where no frame lacks a sample: where nothing but filling or a tag is missing, or the
// cut fell between frames and no header counts them. Its duration is then what ffprobe counts.
func TestCutVoices(t *testing.T) {
	t.Parallel()
	eachCut(t, tasks.Voice, func(t *testing.T, s sample, b []byte, packets int, _ bool) {
		c, err := media.Check(b, tasks.Voice, media.DefaultLimits())
		if err != nil {
			if code := tasks.CodeOf(err); code != tasks.Corrupt && packets > 0 {
				t.Errorf("%v, want Corrupt", err)
			}
			return
		}
		if slices.ContainsFunc(c.Notes, func(n string) bool { return strings.HasSuffix(n, "after the end") }) {
			packets--
		}
		sameDuration(t, c.Duration, packets, s)
	})
}

// A film that is cut off is accepted where ffmpeg reads every packet of it. All others
// are refused as damaged: of sound that is cut ffmpeg says nothing.
func TestCutFilms(t *testing.T) {
	t.Parallel()
	accepted := 0
	eachCut(t, tasks.Video, func(t *testing.T, s sample, b []byte, packets int, _ bool) {
		c, err := media.Check(b, tasks.Video, media.DefaultLimits())
		if err == nil && packets != s.packets || err != nil && tasks.CodeOf(err) != tasks.Corrupt {
			t.Errorf("%v, ffmpeg reads %d of %d packets", err, packets, s.packets)
		}
		if err == nil {
			accepted++
			if len(c.Notes) != 1 {
				t.Errorf("accepted with the notes %q, want one", c.Notes)
			}
		}
	})
	if accepted < 13 {
		t.Errorf("%d cut films were accepted, want 13 or more", accepted)
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
