package media

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/mediaferry/mediaferry/tasks"
)

// tidy is b, which was walked and is whole, with what decoders in Go stumble over left out: all that is behind the
// picture data, stray bytes, a wrong checksum where no pixel hangs on it, and an end marker that is missing.
func tidy(b []byte, k kind) []byte {
	switch k {
	case kindJPEG:
		return tidyJPEG(b)
	case kindPNG:
		return tidyPNG(b)
	case kindGIF:
		return tidyGIF(b)
	}
	return b
}

func tidyJPEG(b []byte) []byte {
	w := jpegWalk{b: b, off: 2, c: &tasks.Content{}}
	_ = w.run() // it is whole, whatever stands behind it
	if !w.frame.complete() {
		return b
	}
	whole := append(bytes.Clone(b[:w.scanned]), 0xff, jpegEOI)
	if w.lacks {
		return slices.Insert(whole, 2, jpegStandardTables()...)
	}
	return whole
}

// tidyGIF adds an end, which is of no harm behind a whole frame: one is all that is decoded.
func tidyGIF(b []byte) []byte { return append(bytes.Clone(b), 0, gifTrailer) }

// tidyPNG keeps the chunks on which pixels hang.
func tidyPNG(b []byte) []byte {
	out := append(make([]byte, 0, len(b)+12), pngMagic...)
	data := false
	for off := len(pngMagic); off+8 <= len(b); {
		n := int(binary.BigEndian.Uint32(b[off:]))
		name := string(b[off+4 : off+8])
		body := b[off+8 : min(len(b), off+8+n)]
		if data && name != "IDAT" {
			break
		}
		switch name {
		case "IHDR", "PLTE", "tRNS", "IDAT":
			out = appendChunk(out, name, body)
			data = name == "IDAT"
		}
		off += 12 + n
	}
	return appendChunk(out, "IEND", nil)
}

func appendChunk(b []byte, name string, body []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	from := len(b)
	b = append(append(b, name...), body...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[from:]))
}
