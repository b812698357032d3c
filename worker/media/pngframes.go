package media

import (
	"encoding/binary"

	"github.com/mediaferry/mediaferry/tasks"
)

// pngFrames are the frames of an animated PNG.
type pngFrames struct {
	declared int // by acTL
	begun    int // by fcTL
	header   pngHeader
	rows     pngRows // of the last one
	open     bool    // the last one has no data of its own yet
}

// chunk reads one of the chunks of an animation.
func (f *pngFrames) chunk(w *pngWalk, x pngChunk) error {
	switch name := string(x.name); {
	case name == "acTL":
		if len(x.body) == 8 && !w.rows.started() {
			f.declared = int(binary.BigEndian.Uint32(x.body))
		}
	case f.declared == 0: // without acTL it is a still
	case name == "fcTL":
		if len(x.body) != 26 {
			return corrupt("PNG has a damaged frame header (fcTL) at byte %d", x.off)
		}
		if err := f.last(); err != nil {
			return err
		}
		f.begun++
		f.open = w.rows.started()
		f.header = w.header
		f.header.width, f.header.height = int(binary.BigEndian.Uint32(x.body[4:])), int(binary.BigEndian.Uint32(x.body[8:]))
		if f.header.width < 1 || f.header.height < 1 || f.header.width > w.header.width || f.header.height > w.header.height {
			return corrupt("PNG has a frame at byte %d of %d × %d pixels", x.off, f.header.width, f.header.height)
		}
	case f.open:
		f.open = false
		f.rows = readRows(w.b, "fdAT", x.off, f.header)
	}
	return nil
}

// last judges the last frame.
func (f *pngFrames) last() error {
	if f.open {
		return corrupt("PNG has a frame without its data (fdAT)")
	}
	if f.rows.started() {
		return f.rows.judge()
	}
	return nil
}

// close judges the animation at its end. Without an end of its own, all frames must be there.
func (f *pngFrames) close(cut bool) error {
	if cut && f.begun < f.declared {
		return cutOff("PNG ends with %d of its %d frames", f.begun, f.declared)
	}
	return f.last()
}

func (f *pngFrames) whole() bool {
	return f.declared == 0 || f.begun >= f.declared && !f.open && (!f.rows.started() || f.rows.whole)
}

func (f *pngFrames) note(c *tasks.Content) {
	switch {
	case f.declared == 0:
	case f.begun == f.declared:
		note(c, "animated (APNG): %s", count(f.declared, "frame"))
	default:
		note(c, "animated (APNG): %s, %d are there", count(f.declared, "frame"), f.begun)
	}
}
