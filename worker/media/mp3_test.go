package media_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// silence is n silent frames: MPEG 1 layer III, 44.1 kHz, mono, 32 kbit/s, 104 bytes each.
func silence(n int) []byte { return repeated("", "\xff\xfb\x10\xc4", 104, 104*n) }

const frameOfSilence = 1152 * time.Second / 44100

// Tags, wherever they stand, are no sound and no garbage.
func TestTagsOfMP3(t *testing.T) {
	t.Parallel()
	id3v1 := append([]byte("TAG"), make([]byte, 125)...)
	id3v2 := append([]byte("ID3\x03\x00\x00\x00\x00\x01\x00"), make([]byte, 128)...)
	footed := append([]byte("ID3\x04\x00\x10\x00\x00\x00\x05"), "bytes3DI\x04\x00\x10\x00\x00\x00\x05"...)
	item := "\x03\x00\x00\x00\x00\x00\x00\x00Title\x00abc"
	ape := func(flags byte) string {
		size := make([]byte, 4)
		binary.LittleEndian.PutUint32(size, uint32(len(item)+32))
		return "APETAGEX\xd0\x07\x00\x00" + string(size) + "\x01\x00\x00\x00\x00\x00\x00" + string([]byte{flags}) + "\x00\x00\x00\x00\x00\x00\x00\x00"
	}
	apeHeaded := []byte(ape(0xa0) + item + ape(0x80))
	apeBare := []byte(item + ape(0))
	lyrics := []byte("LYRICSBEGININD0000200000021LYRICS200")
	for name, b := range map[string][]byte{
		"none":                  silence(20),
		"ID3v1":                 bytes.Join([][]byte{silence(20), id3v1}, nil),
		"ID3v2":                 bytes.Join([][]byte{id3v2, silence(20)}, nil),
		"ID3v2 twice":           bytes.Join([][]byte{id3v2, footed, silence(20)}, nil),
		"ID3v2 with a footer":   bytes.Join([][]byte{footed, silence(20)}, nil),
		"ID3v2 between":         bytes.Join([][]byte{silence(10), id3v2, silence(10)}, nil),
		"APE with a header":     bytes.Join([][]byte{silence(20), apeHeaded}, nil),
		"APE without a header":  bytes.Join([][]byte{silence(20), apeBare}, nil),
		"APE, Lyrics3 and ID3":  bytes.Join([][]byte{id3v2, silence(20), apeHeaded, lyrics, id3v1}, nil),
		"Lyrics3, APE, and ID3": bytes.Join([][]byte{silence(20), lyrics, apeBare, id3v1}, nil),
	} {
		c, err := media.Check(b, tasks.Voice, media.DefaultLimits())
		if err != nil || len(c.Notes) > 0 || c.Duration.Round(time.Microsecond) != (20*frameOfSilence).Round(time.Microsecond) {
			t.Errorf("%s: %s, notes %q, %v, want 20 frames and no notes", name, c.Duration, c.Notes, err)
		}
	}
}

// A frame that describes the others is none of them, and tells when some are missing.
func TestDescribedMP3(t *testing.T) {
	t.Parallel()
	describing := func(at int, text string, countAt int, frames uint32) []byte {
		b := silence(1)
		copy(b[at:], text)
		binary.BigEndian.PutUint32(b[countAt:], frames)
		return b
	}
	xing := func(name string, frames uint32) []byte {
		return describing(4+17, name+"\x00\x00\x00\x01", 4+17+8, frames)
	}
	for name, c := range map[string]struct {
		first []byte
		note  string
	}{
		"Xing":                  {xing("Xing", 20), ""},
		"Info":                  {xing("Info", 20), ""},
		"VBRI":                  {describing(4+32, "VBRI", 4+32+14, 20), ""},
		"Info that lacks some":  {xing("Info", 40), "its header counts 40 frames, 20 are there"},
		"Xing of another count": {xing("Xing", 3), ""},
	} {
		got, err := media.Check(append(c.first, silence(20)...), tasks.Voice, media.DefaultLimits())
		if err != nil || strings.Join(got.Notes, "|") != c.note || got.Duration.Round(time.Microsecond) != (20*frameOfSilence).Round(time.Microsecond) {
			t.Errorf("%s: %s, notes %q, %v, want 20 frames and note %q", name, got.Duration, got.Notes, err, c.note)
		}
	}
}

// Every header that exists has its length and its duration; all others are no frames.
func TestHeadersOfMP3(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		head    string
		length  int
		samples int
		rate    int
	}{
		{"\xff\xfb\x90\x00", 417, 1152, 44100},
		{"\xff\xfb\x92\x00", 418, 1152, 44100}, // padded
		{"\xff\xfa\x94\x00", 384, 1152, 48000}, // with a checksum
		{"\xff\xfb\xe8\xc0", 1440, 1152, 32000},
		{"\xff\xf3\x80\x00", 208, 576, 22050},
		{"\xff\xf3\x84\x00", 192, 576, 24000},
		{"\xff\xf3\xe8\x00", 720, 576, 16000},
		{"\xff\xe3\x10\xc0", 52, 576, 11025},
		{"\xff\xe3\x14\xc0", 48, 576, 12000},
		{"\xff\xe3\x18\xc0", 72, 576, 8000},
	} {
		b := repeated("", c.head, c.length, c.length*10)
		got, err := media.Check(b, tasks.Voice, media.DefaultLimits())
		want := time.Duration(10*c.samples) * time.Second / time.Duration(c.rate)
		if err != nil || got.Duration != want || len(got.Notes) > 0 {
			t.Errorf("%x: %s, notes %q, %v, want %s", c.head, got.Duration, got.Notes, err, want)
		}
	}
	for name, head := range map[string]string{
		"no sync": "\xff\x1b\x90\x00", "reserved version": "\xff\xeb\x90\x00", "reserved layer": "\xff\xf9\x90\x00",
		"forbidden bit rate": "\xff\xfb\xf0\x00", "reserved sampling rate": "\xff\xfb\x9c\x00",
	} {
		if c, err := media.Check(repeated("", head, 417, 4170), tasks.Voice, media.DefaultLimits()); err == nil {
			t.Errorf("%s is accepted: %+v", name, c)
		}
	}
}

// The sampling rate may change between frames: each counts with its own.
func TestMixedMP3(t *testing.T) {
	t.Parallel()
	b := append(repeated("", "\xff\xfb\x90\x00", 417, 4170), repeated("", "\xff\xfb\x94\x00", 384, 3840)...)
	c, err := media.Check(b, tasks.Voice, media.DefaultLimits())
	if want := 11520*time.Second/44100 + 11520*time.Second/48000; err != nil || c.Duration != want {
		t.Errorf("%s, %v, want %s", c.Duration, err, want)
	}
}

// The first frame is searched for behind as much garbage as ffmpeg searches.
func TestGarbageBeforeMP3(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 5000, 64 << 10} {
		c, err := media.Check(append(bytes.Repeat([]byte{0x55}, n), silence(900)...), tasks.Voice, media.DefaultLimits())
		if err != nil || len(c.Notes) != 1 || !strings.HasSuffix(c.Notes[0], " before the first frame") {
			t.Errorf("behind %d bytes: notes %q, %v", n, c.Notes, err)
		}
	}
}

// Two or three bytes that begin like a frame are one that was cut off; a single one may be filling.
func TestCutInAHeaderOfMP3(t *testing.T) {
	t.Parallel()
	refusedAs(t, tasks.Voice, []damage{
		{"two bytes of a frame", append(silence(20), silence(1)[:2]...), tasks.Corrupt, "within a frame: it is cut off"},
		{"three bytes of a frame", append(silence(20), silence(1)[:3]...), tasks.Corrupt, "within a frame: it is cut off"},
	})
	c, err := media.Check(append(silence(20), 0xff), tasks.Voice, media.DefaultLimits())
	if want := "1 byte after the end"; err != nil || strings.Join(c.Notes, "|") != want {
		t.Errorf("a byte behind the last frame: notes %q, %v, want %q", c.Notes, err, want)
	}
}

// A last frame without its filling is whole. One without its sound is not: main data of 100 bytes, none of it in the
// frame before.
func TestCutLastFrameOfMP3(t *testing.T) {
	t.Parallel()
	filling := append(silence(20), silence(1)[:60]...)
	c, err := media.Check(filling, tasks.Voice, media.DefaultLimits())
	if want := "the filling of its last frame is cut off"; err != nil || strings.Join(c.Notes, "|") != want || c.Duration.Round(time.Microsecond) != (21*frameOfSilence).Round(time.Microsecond) {
		t.Errorf("without its filling: %s, notes %q, %v, want 21 frames and %q", c.Duration, c.Notes, err, want)
	}
	sound := bytes.Clone(filling)
	sound[20*104+4+2] = 0x0f // the length of its first granule, from bit 18 of the side information
	refusedAs(t, tasks.Voice, []damage{{"without its sound", sound, tasks.Corrupt, "within a frame: it is cut off"}})
}

func TestDamagedMP3(t *testing.T) {
	t.Parallel()
	words := []byte(strings.Repeat("no sound ", 1000))
	refusedAs(t, tasks.Voice, []damage{
		{"a tag alone", append([]byte("ID3\x03\x00\x00\x00\x00\x01\x00"), make([]byte, 128)...), tasks.Corrupt, "no whole frame"},
		{"a tag cut off", []byte("ID3\x03\x00\x00\x00\x00\x7f\x7f and little more"), tasks.Corrupt, "no whole frame"},
		{"a single frame", silence(1), tasks.Corrupt, "1 frame in 104 bytes"},
		{"more garbage than sound", bytes.Join([][]byte{silence(20), words, silence(20)}, nil), tasks.Corrupt, "only 4160 bytes of 13160 bytes are sound"},
		{"free format", repeated("", "\xff\xfb\x00\xc4", 104, 2080), tasks.Unsupported, "free format"},
		{"layer II", repeated("", "\xff\xfd\x10\xc4", 104, 2080), tasks.Unsupported, "layer II"},
		{"layer I", repeated("", "\xff\xff\x10\xc4", 32, 640), tasks.Unsupported, "layer I "},
		{"frames behind 64 KiB of garbage", append(make([]byte, 70<<10), silence(900)...), tasks.Unsupported, "unknown kind"},
		{"FLAC behind a tag", append([]byte("ID3\x03\x00\x00\x00\x00\x00\x00"), "fLaC\x00\x00\x00\x22"...), tasks.Unsupported, "FLAC"},
		{"AAC behind a tag", append([]byte("ID3\x03\x00\x00\x00\x00\x00\x00"), "\xff\xf1\x50\x80\x02\x1f\xfc"...), tasks.Unsupported, "AAC"},
	})
}

func TestDamagedAMR(t *testing.T) {
	t.Parallel()
	for kind := byte(9); kind <= 14; kind++ {
		b := append(repeated("#!AMR\n", "\x04", 13, 1000), kind<<3|4, 0)
		refusedAs(t, tasks.Voice, []damage{{fmt.Sprintf("frame type %d", kind), b, tasks.Corrupt, fmt.Sprintf("frame of type %d at byte 994", kind)}})
	}
	refusedAs(t, tasks.Voice, []damage{
		{"without a frame", []byte("#!AMR\n"), tasks.Corrupt, "no frame"},
		{"a damaged header", append([]byte("#!AMR\r\n"), repeated("", "\x04", 13, 130)...), tasks.Corrupt, "damaged header"},
		{"several channels", []byte("#!AMR_MC1.0\n\x00\x00\x00\x02\x04"), tasks.Unsupported, "multichannel AMR"},
		{"several wide channels", []byte("#!AMR-WB_MC1.0\n\x00\x00\x00\x02\x04"), tasks.Unsupported, "multichannel AMR"},
	})
	refusedAs(t, tasks.Voice, []damage{
		{"cut in a frame", repeated("#!AMR\n", "\x04", 13, 1000)[:1000-10], tasks.Corrupt, "within a frame: it is cut off"},
		{"cut in a frame, and filled", append(repeated("#!AMR\n", "\x04", 13, 1000)[:994-13+1], make([]byte, 5)...), tasks.Corrupt, "within a frame"},
	})
	for name, tail := range map[string][]byte{"zeros": make([]byte, 500), "ones": bytes.Repeat([]byte{0xff}, 500), "a tag": append([]byte("TAG"), make([]byte, 125)...)} {
		c, err := media.Check(append(repeated("#!AMR\n", "\x04\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01", 13, 1000), tail...), tasks.Voice, media.DefaultLimits())
		if want := fmt.Sprintf("%d bytes after the end", len(tail)); err != nil || strings.Join(c.Notes, "|") != want || c.Duration != 76*20*time.Millisecond {
			t.Errorf("with %s behind it: %s, notes %q, %v, want 76 frames and %q", name, c.Duration, c.Notes, err, want)
		}
	}
}
