package mediatest

import (
	"encoding/binary"
	"io"
	"math/rand/v2"

	"github.com/mediaferry/mediaferry/tasks"
)

// What Distinct stays under, whatever size it is asked for: the limits of WeChat's document.
const (
	maxThumb = 64 << 10
	maxVoice = 2 << 20
	// maxFrames of MP3 last just under 60 s: 1152 samples each, at 44.1 kHz.
	maxFrames = 60 * 44100 / 1152
)

// Distinct makes the i-th good file of type t, of about size bytes: within a frame or a segment of it, and never
// smaller than the smallest file of that type (an image some 650 bytes, a video some 11 KB). Two files of the same
// type and size differ in their content wherever their i differ, and no compression makes them smaller. A thumb
// stays within 64 KiB and a voice within 2 MiB and 60 s; images and videos get as large as they are asked to.
func Distinct(i int, t tasks.MediaType, size int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(i))
	copy(seed[8:], t)
	r := rand.NewChaCha8(seed)
	switch t {
	case tasks.Voice:
		return distinctVoice(r, min(size, maxVoice))
	case tasks.Video:
		return distinctVideo(r, size)
	case tasks.Thumb:
		size = min(size, maxThumb)
	}
	return distinctJPEG(r, size)
}

// distinctJPEG puts the filling into comment segments, which stand right behind the start marker.
func distinctJPEG(r io.Reader, size int) []byte {
	const head, most = 4, 0xffff - 2
	picture := encodeJPEG(pattern(16, 16), 50)
	b := append(make([]byte, 0, max(size, len(picture)+head+16)), picture[:2]...)
	for left := max(16, size-len(picture)-head); left > 0; {
		n := min(left, most)
		b = append(b, 0xff, 0xfe)
		b = binary.BigEndian.AppendUint16(b, uint16(n+2))
		b = append(b, make([]byte, n)...)
		fill(r, b[len(b)-n:])
		left -= n + head
	}
	return append(b, picture[2:]...)
}

// distinctVoice fills the ancillary data of MP3 frames. Small files have small frames.
func distinctVoice(r io.Reader, size int) []byte {
	const small, large = 104, 1044
	if size/small <= maxFrames {
		return mp3Frames(max(2, size/small), 32, r)
	}
	return mp3Frames(min(size/large, maxFrames), 320, r)
}

// distinctVideo appends a box of free space to the sample.
func distinctVideo(r io.Reader, size int) []byte {
	const head = 8
	n := max(16, size-len(sampleMP4)-head)
	b := append(make([]byte, 0, len(sampleMP4)+head+n), sampleMP4...)
	b = binary.BigEndian.AppendUint32(b, uint32(head+n))
	b = append(b, "free"...)
	b = append(b, make([]byte, n)...)
	fill(r, b[len(b)-n:])
	return b
}
