package media

import (
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
	jpegDQT  = 0xdb
	jpegDNL  = 0xdc
	jpegDRI  = 0xdd
	jpegAPP0 = 0xe0
	jpegAPPF = 0xef
	jpegLS   = 0xf7 // frame header of JPEG-LS (ITU T.87)
	jpegCOM  = 0xfe
)

// jpegWalk is the state of one walk.
type jpegWalk struct {
	b        []byte
	off      int
	c        *tasks.Content
	frame    jpegFrame
	tables   [2][4]*jpegTable // of Huffman codes: DC, AC
	quant    [4]bool          // which quantisation tables are there
	restart  int              // MCUs between restart markers; 0: none
	scans    int
	scanned  int  // where the data of the last whole scan ends
	stray    int  // bytes where markers must be, and behind the data of a scan
	restarts int  // restart markers where none belongs
	noEnd    bool // the file ended without EOI
	lacks    bool // code tables, for which those of the standard stand
}

// walkJPEG walks the markers of b to EOI, as libjpeg does: over stray bytes between them, and past restart markers
// where none belongs. The codes of the picture data are counted, block by block, so that a picture with a block too
// few is told from one whose end marker alone is missing. What comes behind the last block is noted, never refused.
func walkJPEG(b []byte, c *tasks.Content) error {
	w := jpegWalk{b: b, off: 2, c: c}
	err := w.run()
	if err == nil {
		err = w.judge()
	}
	if tasks.CodeOf(err) == tasks.Corrupt && w.frame.complete() && (w.noEnd || !w.frame.progressive) { // libjpeg shows a progressive one at its end
		note(c, "damaged behind its picture data: %s", err)
		err = nil
	}
	if err != nil {
		return err
	}
	if w.stray > 0 {
		note(c, "%s between its segments", count(w.stray, "stray byte"))
	}
	if w.restarts > 0 {
		note(c, "%s where none belongs", count(w.restarts, "restart marker"))
	}
	if w.lacks {
		note(c, "its code tables (DHT) are missing, those of the standard fit")
	}
	if w.noEnd {
		note(c, noEOI)
	}
	noteTail(c, len(b)-w.off)
	return nil
}

// noEOI is a note.
const noEOI = "its end marker (EOI) is missing"

// judge looks at the whole.
func (w *jpegWalk) judge() error {
	switch {
	case w.scans == 0 && w.noEnd, w.noEnd && !w.frame.complete():
		return w.cut()
	case w.scans == 0:
		return corrupt("JPEG has no picture data before its end marker")
	case !w.frame.scanned():
		return corrupt("JPEG has no picture data for one of its components")
	}
	return nil
}

func (w *jpegWalk) cut() error {
	return cutOff("JPEG ends at byte %d without its end marker (EOI)", len(w.b))
}

// jpegScans is how many passes over its pixels a sound JPEG makes; 0 for other kinds.
func jpegScans(b []byte, k kind) int {
	if k != kindJPEG {
		return 0
	}
	w := jpegWalk{b: b, off: 2, c: &tasks.Content{}}
	if err := w.run(); err != nil {
		return 0
	}
	return w.scans
}

func (w *jpegWalk) run() error {
	for {
		marker := w.marker()
		if marker == jpegEOI {
			return nil
		}
		if err := w.segment(marker); err != nil {
			return err
		}
	}
}

// marker moves behind the next marker, over fill bytes and stray ones, and counts the latter. The end of the file is an EOI.
func (w *jpegWalk) marker() byte {
	for at := w.off; ; w.stray++ {
		if at < len(w.b) && w.b[at] != 0xff {
			at++
			continue
		}
		for at < len(w.b) && w.b[at] == 0xff {
			at++
		}
		if at >= len(w.b) {
			w.off, w.noEnd = len(w.b), true
			return jpegEOI
		}
		at++
		if marker := w.b[at-1]; marker != 0 {
			w.off = at
			return marker
		}
		w.stray++ // 0xff with its stuffed zero
	}
}

// segment reads what belongs to marker.
func (w *jpegWalk) segment(marker byte) error {
	at := w.off
	switch {
	case marker == jpegTEM:
		return nil
	case marker >= jpegRST0 && marker <= jpegRST7:
		w.restarts++
		return nil
	case marker == jpegSOI:
		return corrupt("JPEG has a second start marker at byte %d", at-2)
	case !jpegKnown(marker):
		return corrupt("JPEG has an unknown marker 0x%02x at byte %d", marker, at-2)
	case at+2 > len(w.b):
		return w.endsIn(marker, at)
	}
	n := int(binary.BigEndian.Uint16(w.b[at:]))
	if ancillary := marker == jpegCOM || marker >= jpegAPP0 && marker <= jpegAPPF; n < 2 && ancillary {
		n = 2
	}
	if n < 2 {
		return corrupt("JPEG has a segment of length %d at byte %d", n, at)
	}
	if at+n > len(w.b) {
		return w.endsIn(marker, at)
	}
	w.off += n
	return w.body(marker, w.b[at+2:at+n])
}

// endsIn is the end of the file within a segment.
func (w *jpegWalk) endsIn(marker byte, at int) error {
	w.off, w.noEnd = len(w.b), true
	return cutOff("JPEG ends at byte %d, within its segment 0x%02x at byte %d", len(w.b), marker, at-2)
}

func (w *jpegWalk) body(marker byte, body []byte) error {
	switch {
	case marker == jpegSOS:
		return w.scan(body)
	case marker == jpegDHT:
		return w.huffman(body)
	case marker == jpegDQT:
		return w.quantisation(body)
	case marker == jpegDRI:
		if len(body) != 2 {
			return corrupt("JPEG has a restart interval of %d bytes at byte %d", len(body), w.off-len(body)-4)
		}
		w.restart = int(binary.BigEndian.Uint16(body))
	case marker == jpegLS:
		return refusal(tasks.Unsupported, broken(tasks.RuleShown, "JPEG", run(toJPEG)), "this is JPEG-LS, which WeChat and browsers can't show")
	case marker == jpegDAC, marker == jpegDNL, marker == jpegCOM, marker >= jpegAPP0 && marker <= jpegAPPF:
	case marker >= jpegSOF0 && marker <= jpegSOF5:
		return w.header(marker, body)
	}
	return nil
}

// jpegKnown reports whether decoders know a marker that has a segment. At any other they give up.
func jpegKnown(marker byte) bool {
	return marker >= jpegSOF0 && marker <= jpegDRI && marker != jpegJPG || marker >= jpegAPP0 && marker <= jpegAPPF || marker == jpegCOM || marker == jpegLS
}

// header reads the frame header: dimensions, components, and the coding process.
func (w *jpegWalk) header(marker byte, body []byte) error {
	if w.frame.components != nil {
		return corrupt("JPEG has a second frame header at byte %d", w.off-len(body)-4)
	}
	if len(body) < 6 || len(body) != 6+3*int(body[5]) || body[5] == 0 {
		return corrupt("JPEG has a frame header of %d bytes, which does not fit its components", len(body))
	}
	w.c.Height = int(binary.BigEndian.Uint16(body[1:]))
	w.c.Width = int(binary.BigEndian.Uint16(body[3:]))
	switch {
	case marker > jpegSOF2:
		return refusal(tasks.Unsupported, broken(tasks.RuleShown, "JPEG", run(toJPEG)), "this is a lossless, hierarchical or arithmetic JPEG (frame 0x%02x), which WeChat and browsers can't show", marker)
	case body[0] != 8:
		return refusal(tasks.Unsupported, broken(tasks.RuleShown, "JPEG", run(toJPEG)), "this is a JPEG of %d bits a sample, which WeChat and browsers can't show", body[0])
	case body[5] > 4:
		return refusal(tasks.Unsupported, broken(tasks.RuleShown, "JPEG", run(toJPEG)), "this is a JPEG of %d components, which WeChat and browsers can't show", body[5])
	case w.c.Width == 0:
		return corrupt("JPEG declares a width of 0")
	case w.c.Height == 0:
		return corrupt("JPEG declares a height of 0")
	}
	return w.frame.read(marker == jpegSOF2, w.c.Width, w.c.Height, body[6:])
}

// quantisation reads DQT: only which tables there are counts.
func (w *jpegWalk) quantisation(body []byte) error {
	at := w.off - len(body) - 4
	for len(body) > 0 {
		n := 1 + 64<<(body[0]>>4&1)
		if body[0]>>4 > 1 || body[0]&0x0f > 3 || n > len(body) {
			return corrupt("JPEG has a damaged quantisation table at byte %d", at)
		}
		w.quant[body[0]&0x0f] = true
		body = body[n:]
	}
	return nil
}
