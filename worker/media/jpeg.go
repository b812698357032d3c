package media

import (
	"bytes"
	"encoding/binary"

	"github.com/mediaferry/mediaferry/tasks"
)

// JPEG markers, the byte after 0xFF (ITU T.81, table B.1).
const (
	jpegTEM  = 0x01
	jpegSOF0 = 0xc0
	jpegSOF2 = 0xc2
	jpegDHT  = 0xc4
	jpegJPG  = 0xc8
	jpegDAC  = 0xcc
	jpegSOF5 = 0xcf // the last of the frame headers
	jpegRST0 = 0xd0
	jpegRST7 = 0xd7
	jpegSOI  = 0xd8
	jpegEOI  = 0xd9
	jpegSOS  = 0xda
	jpegDNL  = 0xdc
	jpegDRI  = 0xdd
	jpegLS   = 0xf7 // frame header of JPEG-LS (ITU T.87)
)

// jpegWalk is the state of one walk.
type jpegWalk struct {
	b       []byte
	off     int
	frame   bool // a frame header was seen
	scans   int
	restart int // MCUs between restart markers; 0: none
}

// walkJPEG walks the markers of b to EOI. Entropy-coded data is skipped, not decoded, with its stuffed zeros and its
// restart markers, which have to come in their order.
func walkJPEG(b []byte, c *tasks.Content) error {
	w := jpegWalk{b: b, off: 2}
	if err := w.run(c); err != nil {
		return err
	}
	switch {
	case w.scans == 0:
		return corrupt("JPEG has no picture data before its end marker")
	case c.Height == 0:
		return corrupt("JPEG declares a height of 0")
	}
	noteTail(c, len(b)-w.off)
	return nil
}

// jpegScans is how many passes over its pixels a sound JPEG makes; 0 for other kinds.
func jpegScans(b []byte, k kind) int {
	if k != kindJPEG {
		return 0
	}
	w := jpegWalk{b: b, off: 2}
	if err := w.run(&tasks.Content{}); err != nil {
		return 0
	}
	return w.scans
}

func (w *jpegWalk) run(c *tasks.Content) error {
	for {
		marker, err := w.marker()
		if err != nil || marker == jpegEOI {
			return err
		}
		if err := w.segment(marker, c); err != nil {
			return err
		}
	}
}

// marker reads the next marker, with any fill bytes before it.
func (w *jpegWalk) marker() (byte, error) {
	at := w.off
	for w.off < len(w.b) && w.b[w.off] == 0xff {
		w.off++
	}
	if w.off >= len(w.b) {
		return 0, corrupt("JPEG ends at byte %d without its end marker (EOI): it is cut off", len(w.b))
	}
	if w.off == at || w.b[w.off] == 0 {
		return 0, corrupt("JPEG has no marker at byte %d, where one must be", at)
	}
	w.off++
	return w.b[w.off-1], nil
}

// segment reads what belongs to marker.
func (w *jpegWalk) segment(marker byte, c *tasks.Content) error {
	if marker == jpegTEM {
		return nil
	}
	if marker >= jpegRST0 && marker <= jpegSOI {
		return corrupt("JPEG has marker 0x%02x at byte %d, where it can't be", marker, w.off-2)
	}
	at := w.off
	if at+2 > len(w.b) {
		return corrupt("JPEG ends at byte %d without its end marker (EOI): it is cut off", len(w.b))
	}
	n := int(binary.BigEndian.Uint16(w.b[at:]))
	if n < 2 {
		return corrupt("JPEG has a segment of length %d at byte %d", n, at)
	}
	if at+n > len(w.b) {
		return corrupt("JPEG segment 0x%02x at byte %d has %d bytes, %d are there: it is cut off", marker, at-2, n, len(w.b)-at)
	}
	w.off += n
	body := w.b[at+2 : at+n]
	switch {
	case marker == jpegSOS:
		return w.scan(body)
	case marker == jpegDRI && len(body) >= 2:
		w.restart = int(binary.BigEndian.Uint16(body))
	case marker == jpegDNL && len(body) >= 2 && c.Height == 0:
		c.Height = int(binary.BigEndian.Uint16(body))
	case marker == jpegLS:
		return refusal(tasks.Unsupported, toJPEG, "this is JPEG-LS, which WeChat and browsers can't show")
	case marker >= jpegSOF0 && marker <= jpegSOF5 && marker != jpegDHT && marker != jpegJPG && marker != jpegDAC:
		return w.header(marker, body, c)
	}
	return nil
}

// header reads the frame header: dimensions, and the coding process.
func (w *jpegWalk) header(marker byte, body []byte, c *tasks.Content) error {
	if w.frame {
		return corrupt("JPEG has a second frame header at byte %d", w.off-len(body)-4)
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) || body[5] == 0 {
		return corrupt("JPEG has a frame header of %d bytes, which does not fit its components", len(body))
	}
	w.frame = true
	c.Height = int(binary.BigEndian.Uint16(body[1:]))
	c.Width = int(binary.BigEndian.Uint16(body[3:]))
	switch {
	case marker > jpegSOF2:
		return refusal(tasks.Unsupported, toJPEG, "this is a lossless, hierarchical or arithmetic JPEG (frame 0x%02x), which WeChat and browsers can't show", marker)
	case body[0] != 8:
		return refusal(tasks.Unsupported, toJPEG, "this is a JPEG of %d bits a sample, which WeChat and browsers can't show", body[0])
	case c.Width == 0:
		return corrupt("JPEG declares a width of 0")
	}
	return nil
}

// scan skips the entropy-coded data after a scan header, up to the next marker that is not a restart.
func (w *jpegWalk) scan(body []byte) error {
	if !w.frame {
		return corrupt("JPEG has a scan at byte %d before its frame header", w.off-len(body)-4)
	}
	if len(body) < 4 || len(body) != 4+2*int(body[0]) {
		return corrupt("JPEG has a scan header of %d bytes, which does not fit its components", len(body))
	}
	w.scans++
	start := w.off
	for next := byte(jpegRST0); ; {
		i := bytes.IndexByte(w.b[w.off:], 0xff)
		if i < 0 || w.off+i+1 >= len(w.b) {
			return corrupt("JPEG ends at byte %d in its picture data, without its end marker (EOI): it is cut off", len(w.b))
		}
		w.off += i
		switch m := w.b[w.off+1]; {
		case m == 0:
			w.off += 2
		case m == 0xff:
			w.off++
		case m >= jpegRST0 && m <= jpegRST7:
			if w.restart == 0 || m != next {
				return corrupt("JPEG has a restart marker out of order at byte %d", w.off)
			}
			w.off += 2
			if next++; next > jpegRST7 {
				next = jpegRST0
			}
		case w.off == start:
			return corrupt("JPEG has an empty scan at byte %d", w.off)
		default:
			return nil
		}
	}
}
