package media_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// film is a whole MP4 of one chunk: two samples of 100 bytes, 3 s by its header.
func film() []byte {
	at := uint32(len(ftypISOM) + 8)
	table := bytes.Join([][]byte{
		mp4Box("stsc", words(0, 1, 1, 2, 1)), mp4Box("stsz", words(0, 0, 2, 100, 100)), mp4Box("stco", words(0, 1, at)),
	}, nil)
	return bytes.Join([][]byte{ftypISOM, mp4Box("mdat", make([]byte, 200)), movie(3000, table)}, nil)
}

func TestDamagedMP4(t *testing.T) {
	t.Parallel()
	good := film()
	if c, err := media.Check(good, tasks.Video, media.DefaultLimits()); err != nil || c.Duration != 3*time.Second {
		t.Fatalf("whole: %s, %v", c.Duration, err)
	}
	mdat, moov := mp4Box("mdat", make([]byte, 200)), good[len(ftypISOM)+208:]
	of := func(boxes ...[]byte) []byte { return append(slices.Clone(ftypISOM), bytes.Join(boxes, nil)...) }
	open := slices.Clone(good[:len(good)-len(moov)])
	copy(open[len(ftypISOM):], words(0)) // up to the end
	long := binary.BigEndian.AppendUint64(append(words(1), "mdat"...), 1<<40)
	refusedAs(t, tasks.Video, []damage{
		{"without an index", of(mdat), tasks.Corrupt, "no index (moov)"},
		{"cut in its samples", good[:100], tasks.Corrupt, "box mdat at byte 24 has 208 bytes, 76 are there: it is cut off"},
		{"cut in its index", good[:len(good)-1], tasks.Corrupt, "its index (moov) is not whole"},
		{"cut in a box's head", of(mdat, moov[:5]), tasks.Corrupt, "cut off"},
		{"without samples", of(moov), tasks.Corrupt, "its index at byte 32"},
		{"an endless box of long size", append(of(moov), long...), tasks.Corrupt, "its index at byte 32"},
		{"a box of no size", of(append(words(4), "free"...), moov), tasks.Corrupt, "no box at byte 24"},
		{"a box in the index larger than it", edited(good, "\x00\x00\x00\x6cmvhd", "\x00\x00\xff\x6cmvhd"), tasks.Corrupt, "no track"},
		{"a chunk table larger than its box", edited(good, "stco\x00\x00\x00\x00\x00\x00\x00\x01", "stco\x00\x00\x00\x00\x7f\x00\x00\x01"), tasks.Corrupt, "stco"},
		{"a size table larger than its box", edited(good, "stsz\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02", "stsz\x00\x00\x00\x00\x00\x00\x00\x00\x7f\x00\x00\x02"), tasks.Corrupt, "stsz"},
		{"a sample behind the end", edited(good, "\x00\x00\x00\x64\x00\x00\x00\x64", "\x00\x00\x00\x64\x00\x10\x00\x00"), tasks.Corrupt, "its index at byte 32"},
		{"without a track", of(mdat, mp4Box("moov", mp4Box("mvhd", make([]byte, 100)))), tasks.Corrupt, "no track"},
		{"an index of no samples", of(mdat, movie(1000, nil)), tasks.Corrupt, "no samples"},
		{"sound only", edited(good, "vide", "soun"), tasks.Unsupported, "sound only"},
		{"too many tracks", of(mdat, mp4Box("moov", bytes.Repeat(mp4Box("trak"), 65))), tasks.Corrupt, "more than 64 tracks"},
		{"an unknown brand", edited(edited(edited(good, "isom", "what"), "isom", "what"), "mp41", "what"), tasks.Unsupported, "brand what"},
	})
	if _, err := media.Check(append(slices.Clone(good), "and some words"...), tasks.Video, media.DefaultLimits()); err != nil {
		t.Errorf("with words after the end: %v", err)
	}
	long64 := slices.Concat(good[:len(good)-len(moov)], words(1), []byte("moov"), words(0, uint32(len(moov)+8)), moov[8:])
	if c, err := media.Check(long64, tasks.Video, media.DefaultLimits()); err != nil || c.Duration != 3*time.Second {
		t.Errorf("an index of 64-bit size: %s, %v", c.Duration, err)
	}
	openEnd := slices.Concat(ftypISOM, moov, words(0), []byte("mdat"), make([]byte, 200))
	at := bytes.Index(openEnd, []byte("stco")) + 12
	copy(openEnd[at:], words(uint32(len(ftypISOM)+len(moov)+8)))
	if _, err := media.Check(openEnd, tasks.Video, media.DefaultLimits()); err != nil {
		t.Errorf("samples up to the end of the file: %v", err)
	}
	refusedAs(t, tasks.Video, []damage{{"the same, a byte less", openEnd[:len(openEnd)-1], tasks.Corrupt, "samples up to byte"}})
}

// fragments is a fragmented MP4: for each of the given bodies of moof, the moof and some samples.
func fragments(mvex []byte, moofs ...[]byte) []byte {
	all := [][]byte{ftypISOM, movie(0, mp4Box("stco", words(0, 0)), mp4Box("mvex", mvex, mp4Box("trex", words(0, 1, 1, 40, 0, 0))))}
	for _, m := range moofs {
		all = append(all, mp4Box("moof", m), mp4Box("mdat", make([]byte, 50)))
	}
	return bytes.Join(all, nil)
}

func TestDurationOfFragments(t *testing.T) {
	t.Parallel()
	traf := func(boxes ...[]byte) []byte { return mp4Box("traf", boxes...) }
	tfhd := mp4Box("tfhd", words(0, 1))
	for name, c := range map[string]struct {
		b    []byte
		want time.Duration
	}{
		"by the track's default":     {fragments(nil, traf(tfhd, mp4Box("trun", words(0, 10))), traf(tfhd, mp4Box("trun", words(0, 5)))), 600 * time.Millisecond},
		"by the fragment's default":  {fragments(nil, traf(mp4Box("tfhd", words(8, 1, 100)), mp4Box("trun", words(0, 10)))), time.Second},
		"a default behind an offset": {fragments(nil, traf(mp4Box("tfhd", words(0xb, 1, 0, 0, 1, 100)), mp4Box("trun", words(0, 10)))), time.Second},
		"sample by sample":           {fragments(nil, traf(tfhd, mp4Box("trun", words(0x305, 2, 0, 0, 30, 9, 50, 9)))), 80 * time.Millisecond},
		"with its times": {fragments(nil,
			traf(tfhd, mp4Box("tfdt", words(0, 1000)), mp4Box("trun", words(0, 10))),
			traf(tfhd, mp4Box("tfdt", words(1<<24, 0, 1900)), mp4Box("trun", words(0, 10)))), 1300 * time.Millisecond},
		"declared":      {fragments(mp4Box("mehd", words(0, 7000)), traf(tfhd, mp4Box("trun", words(0, 10)))), 7 * time.Second},
		"declared long": {fragments(mp4Box("mehd", words(1<<24, 0, 8000)), traf(tfhd, mp4Box("trun", words(0, 10)))), 8 * time.Second},
	} {
		got, err := media.Check(c.b, tasks.Video, media.DefaultLimits())
		if err != nil || got.Duration != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got.Duration, err, c.want)
		}
	}
	whole := fragments(nil, traf(tfhd, mp4Box("trun", words(0, 10))))
	refusedAs(t, tasks.Video, []damage{
		{"without a fragment", fragments(nil), tasks.Corrupt, "no samples"},
		{"an index without its samples", whole[:len(whole)-58], tasks.Corrupt, "without its samples"},
		{"cut in a head", whole[:len(whole)-52], tasks.Corrupt, "cut off"},
		{"cut in the head of the next fragment", append(slices.Clone(whole), "\x00\x00\x00\x64moo"...), tasks.Corrupt, "cut off"},
		{"more samples than told of", fragments(nil, traf(tfhd, mp4Box("trun", words(0x100, 9, 1)))), tasks.Corrupt, "trun"},
	})
}

// A header may give its duration in 64 bits, or say that it does not know it.
func TestDurationOfHeaders(t *testing.T) {
	t.Parallel()
	good := film()
	mvhd := mp4Box("mvhd", words(0, 0, 0, 1000, 3000), make([]byte, 80))
	for name, c := range map[string]struct {
		body []byte
		want time.Duration
	}{
		"64 bits":      {append(words(1<<24, 0, 0, 0, 0, 1000, 0, 4000), make([]byte, 68)...), 4 * time.Second},
		"unknown":      {append(words(0, 0, 0, 1000, 0xffffffff), make([]byte, 80)...), 0},
		"no scale":     {append(words(0, 0, 0, 0, 5), make([]byte, 80)...), 0},
		"out of range": {append(words(1<<24, 0, 0, 0, 0, 1, 0xf, 0), make([]byte, 68)...), 0},
	} {
		got, err := media.Check(edited(good, string(mvhd), string(mp4Box("mvhd", c.body))), tasks.Video, media.DefaultLimits())
		if err != nil || got.Duration != c.want {
			t.Errorf("%s: %s, %v, want %s", name, got.Duration, err, c.want)
		}
	}
}

func TestBrands(t *testing.T) {
	t.Parallel()
	for brand, want := range map[string]string{
		"isom": "", "mp41": "", "mp42": "", "avc1": "", "iso6": "", "MSNV": "", "dash": "",
		"qt  ": "QuickTime", "3gp4": "3GP", "3gp5": "3GP", "3g2a": "3G2", "M4V ": "M4V", "M4A ": "M4A", "heic": "HEIC", "mif1": "HEIC",
		"avif": "AVIF", "crx ": "CR3",
	} {
		_, err := media.Check(edited(film(), "isom", brand), tasks.Video, media.DefaultLimits())
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("brand %q: %v, want %q", brand, err, want)
		}
	}
	if _, err := media.Check(edited(film(), "isom", "odd!"), tasks.Video, media.DefaultLimits()); err != nil {
		t.Errorf("an unknown brand, compatible with mp41: %v", err)
	}
}
