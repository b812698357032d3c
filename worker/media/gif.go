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

// gifWalk is the state of one walk.
type gifWalk struct {
	b      []byte
	c      *tasks.Content
	off    int
	frames int
	noEnd  bool // the file ended without a trailer
}

// walkGIF walks the blocks of b to the trailer, and counts the pixels of each frame. What comes behind the last frame,
// and a trailer that is missing, are noted, as are the frames of an animation.
func walkGIF(b []byte, c *tasks.Content) error {
	const head = 13 // signature and logical screen descriptor
	if len(b) < head {
		return gifCut(b)
	}
	c.Width = int(binary.LittleEndian.Uint16(b[6:]))
	c.Height = int(binary.LittleEndian.Uint16(b[8:]))
	w := gifWalk{b: b, c: c, off: head + gifTable(b[10])}
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
			w.noEnd = true
			return w.stray()
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

// stray judges bytes where a block must be. Decoders stop there: it is the end, unless a frame follows.
func (w *gifWalk) stray() error {
	const far, tries = 4096, 16
	rest := w.b[w.off:]
	follows := w.frames == 0 || bytes.Contains(rest[:min(len(rest), far)], []byte{gifExtension, gifControl, 4})
	at := w.off
	for range tries {
		i := bytes.IndexByte(w.b[at:min(len(w.b), w.off+far)], gifImage)
		if i < 0 || follows {
			break
		}
		at += i + 1
		_, err := gifFrame(w.b, at-1, 0)
		follows = err == nil
	}
	if follows {
		return corrupt("GIF has no block at byte %d, where one must be", w.off)
	}
	return nil
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
