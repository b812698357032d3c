package media

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/mediaferry/mediaferry/tasks"
)

const (
	pngMagic = "\x89PNG\r\n\x1a\n"
	// pngMaxSide and pngMaxChunk are the standard's own bound of a four-byte integer (PNG 3rd edition, 7.1).
	pngMaxSide  = 1<<31 - 1
	pngMaxChunk = 1<<31 - 1
)

// pngWalk is the state of one walk.
type pngWalk struct {
	first   bool // the next chunk is the first
	palette bool
	colour  byte
	data    bool // an IDAT was seen
	closed  bool // another chunk came after the IDATs
}

// walkPNG walks the chunks of b with their CRCs to IEND. An animated PNG is a PNG: its frames are noted.
func walkPNG(b []byte, c *tasks.Content) error {
	if len(b) < len(pngMagic) {
		return corrupt("PNG ends at byte %d, within its signature: it is cut off", len(b))
	}
	if string(b[:len(pngMagic)]) != pngMagic {
		return corrupt("PNG has a damaged signature, as after a transfer in text mode")
	}
	w := pngWalk{first: true}
	for off := len(pngMagic); ; {
		if len(b)-off < 12 {
			return corrupt("PNG ends at byte %d without its end chunk (IEND): it is cut off", len(b))
		}
		n := binary.BigEndian.Uint32(b[off:])
		kind := b[off+4 : off+8]
		if n > pngMaxChunk || !pngName(kind) {
			return corrupt("PNG has no chunk at byte %d, where one must be", off)
		}
		if uint64(n) > uint64(len(b)-off-12) {
			return corrupt("PNG chunk %s at byte %d has %d bytes, %d are there: it is cut off", kind, off, n, max(0, len(b)-off-12))
		}
		end := off + 8 + int(n)
		if sum := crc32.ChecksumIEEE(b[off+4 : end]); sum != binary.BigEndian.Uint32(b[end:]) {
			return corrupt("PNG chunk %s at byte %d is damaged: its checksum is wrong", kind, off)
		}
		if err := w.chunk(kind, b[off+8:end], c); err != nil {
			return err
		}
		off = end + 4
		if string(kind) == "IEND" {
			noteTail(c, len(b)-off)
			return nil
		}
	}
}

func pngName(kind []byte) bool {
	for _, x := range kind {
		if x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// chunk looks at one whole chunk.
func (w *pngWalk) chunk(kind, body []byte, c *tasks.Content) error {
	if w.first && string(kind) == "CgBI" {
		return refusal(tasks.Unsupported, toPNG, "this is Apple's PNG for apps (CgBI), which WeChat and browsers can't show")
	}
	if w.first != (string(kind) == "IHDR") {
		return corrupt("PNG has chunk %s where its header (IHDR) must be, or its header twice", kind)
	}
	w.first = false
	w.closed = w.closed || w.data && string(kind) != "IDAT"
	switch string(kind) {
	case "IHDR":
		return w.header(body, c)
	case "PLTE":
		w.palette = true
		if len(body) == 0 || len(body)%3 != 0 || len(body) > 3*256 || w.data {
			return corrupt("PNG has a damaged palette (PLTE)")
		}
	case "IDAT":
		return w.picture(body)
	case "IEND":
		if !w.data {
			return corrupt("PNG has no picture data (IDAT)")
		}
	case "acTL":
		if len(body) == 8 && !w.data {
			note(c, "animated (APNG): %s", count(int(binary.BigEndian.Uint32(body)), "frame"))
		}
	default:
		if kind[0]&0x20 == 0 {
			return corrupt("PNG has an unknown critical chunk %s", kind)
		}
	}
	return nil
}

func (w *pngWalk) header(body []byte, c *tasks.Content) error {
	if len(body) != 13 {
		return corrupt("PNG has a header (IHDR) of %d bytes, it must have 13", len(body))
	}
	width, height := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if width == 0 || height == 0 || width > pngMaxSide || height > pngMaxSide {
		return corrupt("PNG declares %d × %d pixels", width, height)
	}
	c.Width, c.Height = int(width), int(height)
	w.colour = body[9]
	if !pngDepth(body[8], w.colour) || body[10] != 0 || body[11] != 0 || body[12] > 1 {
		return corrupt("PNG has a damaged header (IHDR): bit depth %d, colour type %d", body[8], w.colour)
	}
	return nil
}

// pngDepth reports whether a bit depth exists for a colour type.
func pngDepth(depth, colour byte) bool {
	switch colour {
	case 0:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8 || depth == 16
	case 3:
		return depth == 1 || depth == 2 || depth == 4 || depth == 8
	case 2, 4, 6:
		return depth == 8 || depth == 16
	}
	return false
}

// picture looks at one IDAT. The first begins with a zlib header (RFC 1950), which is checked when it is whole.
func (w *pngWalk) picture(body []byte) error {
	switch {
	case w.closed:
		return corrupt("PNG has picture data (IDAT) in two places")
	case w.colour == 3 && !w.palette:
		return corrupt("PNG has no palette (PLTE) before its picture data")
	case !w.data && len(body) >= 2 && (body[0]&0x0f != 8 || binary.BigEndian.Uint16(body)%31 != 0):
		return corrupt("PNG has picture data (IDAT) that is not compressed as it must be")
	}
	w.data = true
	return nil
}
