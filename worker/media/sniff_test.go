package media_test

import (
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// A refusal calls the kind by the name that people know.
func TestRefusedKindsHaveNames(t *testing.T) {
	t.Parallel()
	names := map[string]string{
		"picture.webp": "WebP", "picture.bmp": "BMP", "picture.tiff": "TIFF", "picture.heic": "HEIC", "picture.avif": "AVIF",
		"picture.jp2": "JPEG 2000", "picture.ico": "ICO", "picture.psd": "Photoshop (PSD)", "picture.svg": "SVG",
		"webp-named.jpg": "WebP", "arithmetic.jpg": "arithmetic JPEG",
		"sound.wav": "WAV", "sound.flac": "FLAC", "sound.ogg": "OGG", "sound.opus": "OGG", "sound.aac": "AAC",
		"sound.m4a": "M4A", "sound.aiff": "AIFF", "sound.wma": "ASF (WMV, WMA)", "sound.mka": "Matroska", "sound.mid": "MIDI",
		"layer2.mp3": "layer II", "free.mp3": "free format", "wide.awb": "AMR-WB", "multi.amr": "multichannel AMR",
		"film.mov": "QuickTime", "no-brand.mov": "QuickTime", "mov-named.mp4": "QuickTime", "film.m4v": "M4V", "film.3gp": "3GP",
		"film.3g2": "3G2", "film.mkv": "Matroska", "film.webm": "WebM", "film.avi": "AVI", "film.flv": "FLV", "film.ts": "MPEG-TS",
		"film.mpg": "MPEG video", "sound-only.m4a": "M4A", "sound-only.mp4": "MP4 with sound only",
		"words.txt": "text", "page.html": "HTML", "answer.json": "JSON", "paper.pdf": "PDF", "pack.zip": "ZIP", "as-thumb.png": "PNG",
		"silk_wechat.amr": "SILK, the voice format of WeChat and QQ themselves", "voice_3gp.amr": "3GP with sound only (AAC)", "voice.3gp": "3GP with sound only (AMR)",
		"sound.spx": "Speex",
	}
	for _, s := range truth(t) {
		if s.verdict != "unsupported" {
			continue
		}
		_, err := media.Check(s.read(t), s.typ, media.DefaultLimits())
		if name, ok := names[s.name]; !ok || err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want it called %q", s.name, err, name)
		}
	}
}

func TestGuess(t *testing.T) {
	t.Parallel()
	for _, s := range truth(t) {
		want := s.typ
		switch {
		case s.verdict == "empty":
			continue
		case s.typ == tasks.Thumb:
			want = tasks.Image
		case s.name == "sound-only.m4a", s.name == "sound-only.mp4":
			want = tasks.Voice
		case s.name == "words.txt", s.name == "page.html", s.name == "answer.json", s.name == "paper.pdf", s.name == "pack.zip":
			want = ""
		case s.name == "sound.wma", s.name == "sound.mka":
			want = tasks.Video // the same container as film
		}
		got, err := media.Guess(s.read(t))
		if got != want || (err != nil) != (want == "") {
			t.Errorf("%s: %q, %v, want %q", s.name, got, err, want)
		}
		if want == "" && tasks.CodeOf(err) != tasks.Unsupported {
			t.Errorf("%s: %v, want Unsupported", s.name, err)
		}
	}
}

// Only a kind that was walked is accepted: a library's guess never is enough.
func TestBareHeadersAreRefused(t *testing.T) {
	t.Parallel()
	for _, head := range []string{
		"\xff\xd8\xff", "\xff\xd8\xff\xe0", "\x89PNG", "\x89PNG\r\n\x1a\n", "GIF89a", "GIF87a", "ID3\x04\x00\x00\x00\x00\x00\x00",
		"\xff\xfb\x90\x00", "\xff\xfb\x00\x00", "#!AMR", "#!AMR\n", "#!AMRx", "\x00\x00\x00\x14ftypisom", "\x00\x00\x00\x08ftyp",
		"\x00\x00\x00\x10ftypisom\x00\x00\x00\x00",
	} {
		for _, typ := range tasks.MediaTypes {
			if c, err := media.Check([]byte(head), typ, media.DefaultLimits()); err == nil {
				t.Errorf("%q is accepted as %s: %+v", head, typ, c)
			}
		}
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"tail.jpg": "12 bytes after the end", "tail.png": "4 bytes after the end", "tail.gif": "3 bytes after the end",
		"tail.mp4": "26 bytes after the end", "junk-last.mp3": "300 bytes after the end",
		"animated.png": "animated (APNG): 3 frames", "animated.gif": "animated: 3 frames",
		"junk-first.mp3": "1000 bytes before the first frame", "junk-between.mp3": "300 bytes between frames are no sound",
		"no-eoi.jpg": "its end marker (EOI) is missing", "jpg_18_before_e2.jpg": "18 stray bytes between its segments",
		"jpg_rst_no_dri.jpg": "36 stray bytes between its segments|2 restart markers where none belongs",
		"gif_no_trailer.gif": "animated: 3 frames|its trailer is missing", "png_bad_crc_itxt.png": "1 wrong checksum on which no pixel hangs",
		"mp3_zeros_id3_cover.mp3": "731 bytes before the first frame",
	}
	for _, s := range truth(t) {
		if s.verdict != "ok" {
			continue
		}
		c, err := media.Check(s.read(t), s.typ, media.DefaultLimits())
		if got := strings.Join(c.Notes, "|"); err != nil || got != want[s.name] {
			t.Errorf("%s: notes %q (%v), want %q", s.name, got, err, want[s.name])
		}
	}
}
