package media

import (
	"bytes"
	"encoding/binary"

	"github.com/mediaferry/mediaferry/tasks"
)

// GIF block introducers (GIF89a, appendix A), and the extension that goes before a frame.
const (
	gifExtension = 0x21
	gifImage     = 0x2c
	gifTrailer   = 0x3b
	gifControl   = 0xf9
)

// gifHead is the size in bytes of signature and logical screen descriptor.
const gifHead = 13

// gifWalk is the state of one walk.
type gifWalk struct {
	b      []byte
	c      *tasks.Content
	off    int
	frames int
	noEnd  bool // the file ended without a trailer
}

// walkGIF walks the blocks of b to the trailer, and counts the pixels of each frame. What comes behind the last frame, and a
// trailer that is missing are noted, as are the frames of an animation.
func walkGIF(b []byte, c *tasks.Content) error {
	if len(b) < gifHead {
		return gifCut(b)
	}
	c.Width = int(binary.LittleEndian.Uint16(b[6:]))
	c.Height = int(binary.LittleEndian.Uint16(b[8:]))
	w := gifWalk{b: b, c: c, off: gifHead + gifTable(b[10])}
	if err := w.run(); err != nil {
		return err
	}
	switch {
	case w.frames == 0 && w.noEnd:
		return gifCut(b)
	case w.frames == 0:
		return corrupt("GIF has no picture before its trailer")
	case c.Width == 0 || c.Height == 0:
		return corrupt("GIF declares %d × %d pixels", c.Width, c.Height)
	case w.frames > 1:
		note(c, "animated: %d frames", w.frames)
	}
	if w.noEnd {
		note(c, noTrailer)
	}
	noteTail(c, len(b)-w.off)
	return nil
}

// noTrailer is a note.
const noTrailer = "its trailer is missing"

func (w *gifWalk) run() error {
	for w.off < len(w.b) {
		at := w.off
		switch w.b[at] {
		case gifTrailer:
			w.off++
			return nil
		case gifExtension:
			if err := w.extension(); err != nil {
				return err
			}
		case gifImage:
			w.frames++
			next, err := gifFrame(w.b, at, w.frames)
			if err != nil {
				return err
			}
			w.off = next
		default:
			if w.frames == 0 || w.goesOn() { // decoders stop here: what follows is lost
				return corrupt("GIF has no block at byte %d, where one must be", at)
			}
			w.noEnd = true
			return nil
		}
	}
	w.noEnd = true
	return nil
}

// extension skips one. A frame follows the one that controls it; without others a frame can do.
func (w *gifWalk) extension() error {
	at := w.off
	next, ok := gifBlocks(w.b, at+2)
	if !ok && (w.frames == 0 || at+1 < len(w.b) && w.b[at+1] == gifControl) {
		return gifCut(w.b)
	}
	w.off = next
	return nil
}

// goesOn reports whether blocks go on behind the bytes at off, which begin none: with the extension that controls a frame,
// or with a whole frame. Where neither follows soon these bytes stand behind the end.
func (w *gifWalk) goesOn() bool {
	const far, tries = 4096, 64 // each try may cost a look at the whole file
	near := w.b[w.off:min(len(w.b), w.off+far)]
	if bytes.Contains(near, []byte{gifExtension, gifControl, 4}) {
		return true
	}
	for at, n := 0, 0; n < tries; n++ {
		i := bytes.IndexByte(near[at:], gifImage)
		if i < 0 {
			return false
		}
		at += i + 1
		if _, err := gifFrame(w.b, w.off+at-1, 0); err == nil {
			return true
		}
	}
	return false
}

// gifFrame skips the image at off: descriptor, local colours, code size, data. Its error says what is wrong with frame
// number n.
func gifFrame(b []byte, off, n int) (next int, err error) {
	const descriptor = 10
	if len(b)-off < descriptor {
		return 0, gifCut(b)
	}
	pixels := int(binary.LittleEndian.Uint16(b[off+5:])) * int(binary.LittleEndian.Uint16(b[off+7:]))
	off += descriptor + gifTable(b[off+9])
	if off >= len(b) {
		return 0, gifCut(b)
	}
	if b[off] < 1 || b[off] > 8 {
		return 0, corrupt("GIF frame %d has a damaged code size", n)
	}
	l := lzw{b: b, off: off + 1}
	there, sound := l.count(int(b[off]), pixels)
	next, ok := gifBlocks(b, l.off)
	switch {
	case there >= pixels:
		return next, nil // whole, also without the end of its blocks
	case !sound:
		return 0, corrupt("GIF frame %d is damaged at about byte %d", n, l.off)
	case !ok:
		return 0, gifCut(b)
	}
	return 0, corrupt("GIF frame %d has %d of its %d pixels", n, there, pixels)
}

// gifTable is the size in bytes of the colour table that a flags byte declares.
func gifTable(flags byte) int {
	if flags&0x80 == 0 {
		return 0
	}
	return 3 << (flags&7 + 1)
}

// gifBlocks skips sub-blocks up to the empty one, or to the end of the file without one.
func gifBlocks(b []byte, off int) (next int, ok bool) {
	for off < len(b) {
		n := int(b[off])
		off += 1 + n
		if n == 0 {
			return off, true
		}
	}
	return len(b), false
}

func gifCut(b []byte) error {
	return cutOff("GIF ends at byte %d without its trailer", len(b))
}
