package media

import "encoding/binary"

// pngHeader is what IHDR says, or fcTL of a frame.
type pngHeader struct {
	width, height int
	depth, colour byte
	interlaced    bool
}

// bits is how many bits a pixel has, 0 for a depth that does not exist for the colour type.
func (h pngHeader) bits() int {
	depth := int(h.depth)
	small := depth == 1 || depth == 2 || depth == 4
	large := depth == 8 || depth == 16
	switch {
	case h.colour == 0 && (small || large), h.colour == 3 && (small || depth == 8):
		return depth
	case h.colour == 2 && large:
		return 3 * depth
	case h.colour == 4 && large:
		return 2 * depth
	case h.colour == 6 && large:
		return 4 * depth
	}
	return 0
}

// adam7 are the seven passes of an interlaced picture: where each begins, and its steps (PNG 3rd edition, 8.1).
var adam7 = [7]struct{ x, y, dx, dy int }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// size is how many bytes all rows have, each with its filter.
func (h pngHeader) size() int {
	if !h.interlaced {
		return h.height * (1 + ceil(h.width*h.bits(), 8))
	}
	n := 0
	for _, pass := range adam7 {
		if width := ceil(h.width-pass.x, pass.dx); width > 0 {
			n += max(0, ceil(h.height-pass.y, pass.dy)) * (1 + ceil(width*h.bits(), 8))
		}
	}
	return n
}

// pngRows is what the data of a picture unpacks to.
type pngRows struct {
	begin int // of its first chunk; 0 before it
	end   int // of the chunk in which the last row ends
	whole bool
	err   error // why it is not
}

func (r pngRows) started() bool { return r.begin > 0 }

// judge returns the error of rows that are not whole.
func (r pngRows) judge() error {
	if r.whole {
		return nil
	}
	return r.err
}

// readRows unpacks the data that begins with the chunk at off. Pictures of more pixels than are counted are judged by
// their chunks alone.
func readRows(b []byte, name string, off int, h pngHeader) pngRows {
	rows := pngRows{begin: off, end: len(b)}
	if h.width > maxCounted/h.height {
		return rows
	}
	in := pngData{b: b, name: name, next: off}
	n, err := inflated(&in, h.size())
	switch {
	case err != nil:
		rows.err = corrupt("PNG has picture data (%s) that is damaged at about byte %d: %w", name, in.off, err)
	case n < h.size():
		rows.err = cutOff("PNG has picture data (%s) for %d %% of its pixels", name, n*100/h.size())
	default:
		rows.whole, rows.end = true, in.next
	}
	return rows
}

// pngData reads the bodies of chunks that follow one another, as one stream.
type pngData struct {
	b    []byte
	name string
	off  int
	end  int // of the body
	next int // chunk
}

// more moves to the next body that has any bytes; false where there is none.
func (d *pngData) more() bool {
	for {
		d.off = d.next
		if len(d.b)-d.next < 8 || string(d.b[d.next+4:d.next+8]) != d.name {
			return false
		}
		n := int(binary.BigEndian.Uint32(d.b[d.next:]))
		d.off = d.next + 8
		if d.name == "fdAT" {
			d.off += 4 // its place in the sequence
		}
		d.end = min(len(d.b), d.next+8+n)
		d.next = min(len(d.b), d.next+12+n)
		if d.off < d.end {
			return true
		}
	}
}
