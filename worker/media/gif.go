package media

import (
	"encoding/binary"

	"github.com/mediaferry/mediaferry/tasks"
)

// GIF block introducers (GIF89a, appendix A).
const (
	gifExtension = 0x21
	gifImage     = 0x2c
	gifTrailer   = 0x3b
)

// walkGIF walks the blocks of b to the trailer. The frames of an animation are noted.
func walkGIF(b []byte, c *tasks.Content) error {
	const head = 13 // signature and logical screen descriptor
	if len(b) < head {
		return gifCut(b)
	}
	c.Width = int(binary.LittleEndian.Uint16(b[6:]))
	c.Height = int(binary.LittleEndian.Uint16(b[8:]))
	off, frames := head+gifTable(b[10]), 0
	for {
		if off >= len(b) {
			return gifCut(b)
		}
		var ok bool
		switch b[off] {
		case gifTrailer:
			return gifEnd(b, off+1, frames, c)
		case gifExtension:
			off, ok = gifBlocks(b, off+2)
		case gifImage:
			frames++
			off, ok = gifFrame(b, off)
		default:
			return corrupt("GIF has no block at byte %d, where one must be", off)
		}
		if !ok {
			return gifCut(b)
		}
		if off < 0 {
			return corrupt("GIF frame %d has a damaged code size", frames)
		}
	}
}

func gifEnd(b []byte, off, frames int, c *tasks.Content) error {
	switch {
	case frames == 0:
		return corrupt("GIF has no picture before its trailer")
	case c.Width == 0 || c.Height == 0:
		return corrupt("GIF declares %d × %d pixels", c.Width, c.Height)
	case frames > 1:
		note(c, "animated: %d frames", frames)
	}
	noteTail(c, len(b)-off)
	return nil
}

// gifFrame skips the image at off: descriptor, local colours, code size, data. It returns a negative offset for a
// code size that does not exist.
func gifFrame(b []byte, off int) (next int, ok bool) {
	const descriptor = 10
	if len(b)-off < descriptor {
		return 0, false
	}
	off += descriptor + gifTable(b[off+9])
	if off >= len(b) {
		return 0, false
	}
	if b[off] < 2 || b[off] > 8 {
		return -1, true
	}
	return gifBlocks(b, off+1)
}

// gifTable is the size in bytes of the colour table that a flags byte declares.
func gifTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// gifBlocks skips sub-blocks up to the empty one.
func gifBlocks(b []byte, off int) (next int, ok bool) {
	for off < len(b) {
		n := int(b[off])
		off += 1 + n
		if n == 0 {
			return off, true
		}
	}
	return 0, false
}

func gifCut(b []byte) error {
	return corrupt("GIF ends at byte %d without its trailer: it is cut off", len(b))
}
