package wechattest

import (
	"os"
	"strings"
	"testing"
	"time"
)

// mp3Of is an MP3 of that many frames which begin with head.
func mp3Of(head string, frames int) string {
	size, _ := mp3Frame([]byte(head))
	return strings.Repeat(head+strings.Repeat("\x55", size-len(head)), frames)
}

// Frame counts of the samples are ffprobe's; sizes and durations of the made frames follow from the standard:
// samples / 8 × bit rate / sample rate bytes, samples / sample rate seconds.
func TestLook(t *testing.T) {
	t.Parallel()
	read := func(name string) string {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	const (
		mpeg1  = "\xff\xfb\x90\x00" // 128 kbit/s, 44.1 kHz: 417 bytes, 1152 samples
		padded = "\xff\xfb\x92\x00" // and one byte more
		mpeg2  = "\xff\xf3\x84\x00" // 64 kbit/s, 24 kHz: 192 bytes, 576 samples
		mpeg25 = "\xff\xe3\x18\x00" // 8 kbit/s, 8 kHz: 72 bytes, 576 samples
	)
	seconds := func(frames, samples, rate int) time.Duration {
		return time.Duration(frames) * (time.Duration(samples) * time.Second / time.Duration(rate))
	}
	info := mpeg1 + strings.Repeat("\x00", 32) + "Info" + strings.Repeat("\x00", 417-40)
	for _, tt := range []struct {
		name, file string
		kind       kind
		length     time.Duration
	}{
		{"AMR", read("tone.amr"), amrKind, time.Second},
		{"AMR with a frame cut off", "#!AMR\n" + strings.Repeat("\x3c"+strings.Repeat("x", 31), 3) + "\x3c", amrKind, 60 * time.Millisecond},
		{"AMR of frames without data", "#!AMR\n\x7c\x7c", amrKind, 40 * time.Millisecond},
		{"MP3", read("tone.mp3"), mp3Kind, seconds(16, 576, 8000)},
		{"MPEG 1", mp3Of(mpeg1, 10), mp3Kind, seconds(10, 1152, 44100)},
		{"MPEG 1, padded", mp3Of(padded, 10), mp3Kind, seconds(10, 1152, 44100)},
		{"MPEG 2", mp3Of(mpeg2, 10), mp3Kind, seconds(10, 576, 24000)},
		{"MPEG 2.5", mp3Of(mpeg25, 10), mp3Kind, seconds(10, 576, 8000)},
		{"one frame", mp3Of(mpeg1, 1), mp3Kind, seconds(1, 1152, 44100)},
		{"a table of contents first", info + mp3Of(mpeg1, 10), mp3Kind, seconds(10, 1152, 44100)},
		{"an ID3 tag with what looks like frames in it", "ID3\x04\x00\x00\x00\x00\x06\x42" + mp3Of(mpeg1, 2) + mp3Of(mpeg1, 10), mp3Kind, seconds(10, 1152, 44100)},
		{"junk first", "junk\xff\xfe\xff" + mp3Of(mpeg1, 10), mp3Kind, seconds(10, 1152, 44100)},
		{"a single header in junk first", mpeg1 + strings.Repeat("j", 500) + mp3Of(mpeg1, 10), mp3Kind, seconds(10, 1152, 44100)},
		{"junk between", mp3Of(mpeg1, 5) + "junk" + mp3Of(mpeg1, 5), mp3Kind, seconds(10, 1152, 44100)},
		{"an ID3v1 tag last", mp3Of(mpeg1, 10) + "TAG" + strings.Repeat("\x00", 125), mp3Kind, seconds(10, 1152, 44100)},
		{"the last frame cut off", mp3Of(mpeg1, 10) + mpeg1, mp3Kind, seconds(10, 1152, 44100)},
		{"MP4", read("clip.mp4"), mp4Kind, time.Second},
		{"JPEG", read("photo.jpg"), jpegKind, 0},
		{"PNG", read("shot.png"), pngKind, 0},
		{"GIF", read("move.gif"), gifKind, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, length, err := identify([]byte(tt.file))
			if k != tt.kind || length != tt.length || err != nil {
				t.Errorf("kind %d of %v, %v; want %d of %v", k, length, err, tt.kind, tt.length)
			}
		})
	}
}

func TestMovieTime(t *testing.T) {
	t.Parallel()
	version1 := "\x01\x00\x00\x00" + strings.Repeat("\x00", 16) + "\x00\x00\x03\xe8" + "\x00\x00\x00\x00\x00\x00\x05\xdc"
	if d, err := movieTime([]byte(version1)); d != 1500*time.Millisecond || err != nil {
		t.Errorf("version 1: %v, %v; want 1.5s", d, err)
	}
	for name, mvhd := range map[string]string{
		"no time scale": strings.Repeat("\x00", 20), "cut off": version1[:31], "version 2": "\x02" + version1[1:], "empty": "",
	} {
		if _, err := movieTime([]byte(mvhd)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
