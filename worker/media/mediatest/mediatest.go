// Package mediatest makes small, real media files without any tool: for demonstrations, benchmarks and tests.
// Each call makes the same bytes again.
package mediatest

import (
	"bytes"
	_ "embed"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"

	"github.com/mediaferry/mediaferry/tasks"
)

// Sample is one file with the type as which it is meant.
type Sample struct {
	Name  string // with its extension
	Type  tasks.MediaType
	Bytes []byte
}

// sampleMP4 is one second of ffmpeg's test picture, 320 × 240, with a tone (see testdata/make.sh in the package above).
//
//go:embed sample.mp4
var sampleMP4 []byte

// Samples returns one good file or more of each type that WeChat takes: every one passes media.Check with the
// default limits.
func Samples() []Sample {
	return []Sample{
		{"landscape.jpg", tasks.Image, encodeJPEG(pattern(480, 320), 85)},
		{"diagram.png", tasks.Image, encodePNG(pattern(320, 240))},
		{"badge.gif", tasks.Image, encodeGIF(pattern(96, 96))},
		{"greeting.mp3", tasks.Voice, silentMP3(2 * 44100 / 1152)},
		{"note.amr", tasks.Voice, silentAMR(100)},
		{"clip.mp4", tasks.Video, bytes.Clone(sampleMP4)},
		{"cover.jpg", tasks.Thumb, encodeJPEG(pattern(160, 120), 70)},
	}
}

// Broken returns files that media.Check refuses with the default limits, each for another reason; the name tells it.
func Broken() []Sample {
	good := encodeJPEG(pattern(480, 320), 85)
	return []Sample{
		{"empty.jpg", tasks.Image, []byte{}},
		{"truncated.jpg", tasks.Image, bytes.Clone(good[:len(good)*2/3])},
		{"damaged.png", tasks.Image, damaged(encodePNG(pattern(320, 240)))},
		{"webp-named.jpg", tasks.Image, []byte("RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00")},
		{"too-long.amr", tasks.Voice, silentAMR(63 * 50)},
		{"text.mp3", tasks.Voice, []byte("This is a note, not a recording.\n")},
		{"cut-off.mp4", tasks.Video, bytes.Clone(sampleMP4[:len(sampleMP4)*2/3])},
		{"too-large.thumb.jpg", tasks.Thumb, Distinct(0, tasks.Image, 80<<10)},
	}
}

// damaged flips one bit in the middle of b.
func damaged(b []byte) []byte {
	b[len(b)/2] ^= 0x10
	return b
}

// pattern is a picture that shows at a glance whether it was cut, turned or mirrored.
func pattern(width, height int) *image.RGBA {
	m := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.RGBA{uint8(255 * x / width), uint8(255 * y / height), 160, 255}
			if x < width/4 && y < height/4 { // a corner that differs from the others
				c = color.RGBA{250, 250, 250, 255}
			}
			m.SetRGBA(x, y, c)
		}
	}
	return m
}

func encodeJPEG(m image.Image, quality int) []byte {
	var b bytes.Buffer
	must(jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}))
	return b.Bytes()
}

func encodePNG(m image.Image) []byte {
	var b bytes.Buffer
	must(png.Encode(&b, m))
	return b.Bytes()
}

func encodeGIF(m image.Image) []byte {
	var b bytes.Buffer
	must(gif.Encode(&b, m, &gif.Options{NumColors: 64}))
	return b.Bytes()
}

// must stands where an encoder that writes to memory cannot fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
