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
	b       []byte
	c       *tasks.Content
	off     int
	header  pngHeader
	palette bool
	rows    pngRows // of the picture
	closed  bool    // another chunk came after the IDATs
	noEnd   bool    // the file ended without IEND
	wrong   int     // checksums of chunks that no pixel hangs on
	odd     int     // chunks before the header
	frames  pngFrames
}

// pngChunk is one chunk of a file.
type pngChunk struct {
	name []byte
	off  int // of its length
	body []byte
}

// walkPNG walks the chunks of b with their CRCs to IEND, and counts the bytes that its picture data unpacks to. As for
// libpng, a wrong checksum is an error where a pixel hangs on it. What comes behind the last row is noted. An animated
// PNG is a PNG: its frames are noted, and each has to be whole.
func walkPNG(b []byte, c *tasks.Content) error {
	if len(b) < len(pngMagic) {
		return cutOff("PNG ends at byte %d, within its signature", len(b))
	}
	if string(b[:len(pngMagic)]) != pngMagic {
		return corrupt("PNG has a damaged signature, as after a transfer in text mode")
	}
	w := pngWalk{b: b, c: c, off: len(pngMagic)}
	err := w.run()
	if tasks.CodeOf(err) == tasks.Corrupt && w.whole() {
		note(c, "damaged behind its picture data: %s", err)
		w.off, err = len(b), nil
	}
	w.frames.note(c)
	if err != nil {
		return err
	}
	if w.noEnd {
		note(c, noIEND)
	}
	if w.wrong > 0 {
		note(c, "%s on which no pixel hangs", count(w.wrong, "wrong checksum"))
	}
	if w.odd > 0 {
		note(c, "%s before its header", count(w.odd, "chunk"))
	}
	noteTail(c, len(b)-w.off)
	return nil
}

// noIEND is a note.
const noIEND = "its end chunk (IEND) is missing"

// whole reports whether every row of every frame is there: nothing that follows can add to the picture.
func (w *pngWalk) whole() bool { return w.rows.whole && w.frames.whole() }

func (w *pngWalk) run() error {
	for {
		chunk, err := w.next()
		if err != nil {
			return err
		}
		if chunk.name == nil {
			w.noEnd = true
			return w.finish()
		}
		if err := w.chunk(chunk); err != nil || string(chunk.name) == "IEND" {
			return err
		}
	}
}

// next reads the chunk at off and moves behind it. At the end of the file it returns none.
func (w *pngWalk) next() (pngChunk, error) {
	left := w.b[w.off:]
	if len(left) == 0 && w.rows.whole {
		return pngChunk{}, nil
	}
	if len(left) < 12 {
		return pngChunk{}, cutOff("PNG ends at byte %d without its end chunk (IEND)", len(w.b))
	}
	n, name := binary.BigEndian.Uint32(left), left[4:8]
	if n > pngMaxChunk || !pngName(name) {
		return pngChunk{}, corrupt("PNG has no chunk at byte %d, where one must be", w.off)
	}
	if uint64(n) > uint64(len(left)-12) {
		w.cutIn(name)
		return pngChunk{}, cutOff("PNG chunk %s at byte %d has %d bytes, %d are there", printable(name), w.off, n, max(0, len(left)-12))
	}
	end := 8 + int(n)
	chunk := pngChunk{name: name, off: w.off, body: left[8:end]}
	if crc32.ChecksumIEEE(left[4:end]) != binary.BigEndian.Uint32(left[end:]) {
		if w.needed(name) {
			w.rows.whole = w.rows.whole && chunk.off >= w.rows.end
			return pngChunk{}, corrupt("PNG chunk %s at byte %d is damaged: its checksum is wrong", printable(name), w.off)
		}
		w.wrong++
	}
	w.off += end + 4
	return chunk, nil
}

// cutIn looks at how much of a picture is in a chunk that is cut off.
func (w *pngWalk) cutIn(name []byte) {
	switch {
	case string(name) == "IDAT" && !w.rows.started():
		w.rows = readRows(w.b, "IDAT", w.off, w.header)
	case string(name) == "fdAT" && w.frames.open:
		w.frames.open = false
		w.frames.rows = readRows(w.b, "fdAT", w.off, w.frames.header)
	}
}

func pngName(name []byte) bool {
	for _, x := range name {
		if x|0x20 < 'a' || x|0x20 > 'z' {
			return false
		}
	}
	return true
}

// pngKnown reports whether decoders know an ancillary chunk, which then has to have its place.
func pngKnown(name string) bool {
	switch name {
	case "acTL", "bKGD", "cHRM", "cICP", "cLLI", "eXIf", "fcTL", "fdAT", "gAMA", "hIST", "iCCP", "iTXt", "mDCV", "oFFs", "pCAL", "pHYs",
		"sBIT", "sCAL", "sPLT", "sRGB", "sTER", "tEXt", "tIME", "tRNS", "zTXt":
		return true
	}
	return false
}

// needed reports whether pixels or frames hang on chunks of that name.
func (w *pngWalk) needed(name []byte) bool {
	switch string(name) {
	case "tRNS", "acTL":
		return true
	case "fcTL", "fdAT":
		return w.frames.declared > 0
	}
	return name[0]&0x20 == 0
}

// chunk looks at one whole chunk.
func (w *pngWalk) chunk(x pngChunk) error {
	first := x.off == len(pngMagic)
	if first && string(x.name) == "CgBI" {
		return refusal(tasks.Unsupported, broken(tasks.RuleShown, "PNG", run(toPNG)), "this is Apple's PNG for apps (CgBI), which WeChat and browsers can't show")
	}
	if w.header.width == 0 && x.name[0]&0x20 != 0 && !pngKnown(string(x.name)) {
		w.odd++ // as libpng passes it
		return nil
	}
	if (w.header.width == 0) != (string(x.name) == "IHDR") {
		return corrupt("PNG has chunk %s where its header (IHDR) must be, or its header twice", printable(x.name))
	}
	if w.rows.started() && string(x.name) != "IDAT" && !w.closed {
		w.closed = true
		if err := w.rows.judge(); err != nil {
			return err
		}
	}
	switch string(x.name) {
	case "IHDR":
		return w.head(x.body)
	case "PLTE":
		return w.colours(x.body)
	case "IDAT":
		return w.picture(x)
	case "IEND":
		return w.finish()
	case "acTL", "fcTL", "fdAT":
		return w.frames.chunk(w, x)
	}
	if x.name[0]&0x20 == 0 {
		return corrupt("PNG has an unknown critical chunk %s", printable(x.name))
	}
	return nil
}

// finish checks the picture as a whole.
func (w *pngWalk) finish() error {
	if !w.rows.started() {
		return corrupt("PNG has no picture data (IDAT)")
	}
	return w.frames.close(w.noEnd)
}

func (w *pngWalk) head(body []byte) error {
	if len(body) != 13 {
		return corrupt("PNG has a header (IHDR) of %d bytes, it must have 13", len(body))
	}
	width, height := binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:])
	if width == 0 || height == 0 || width > pngMaxSide || height > pngMaxSide {
		return corrupt("PNG declares %d × %d pixels", width, height)
	}
	w.c.Width, w.c.Height = int(width), int(height)
	w.header = pngHeader{width: int(width), height: int(height), depth: body[8], colour: body[9], interlaced: body[12] == 1}
	if w.header.bits() == 0 || body[10] != 0 || body[11] != 0 || body[12] > 1 {
		return corrupt("PNG has a damaged header (IHDR): bit depth %d, colour type %d", body[8], body[9])
	}
	return nil
}

// colours looks at PLTE, which pictures without a palette may have too, as advice.
func (w *pngWalk) colours(body []byte) error {
	twice := w.palette
	w.palette = true
	if w.header.colour == 3 && (twice || len(body) == 0 || len(body)%3 != 0 || len(body) > 3*256 || w.rows.started()) {
		return corrupt("PNG has a damaged palette (PLTE)")
	}
	return nil
}

// picture looks at one IDAT.
func (w *pngWalk) picture(x pngChunk) error {
	switch {
	case w.closed && !w.rows.whole:
		return corrupt("PNG has picture data (IDAT) in two places")
	case w.header.colour == 3 && !w.palette:
		return corrupt("PNG has no palette (PLTE) before its picture data")
	case !w.rows.started():
		w.rows = readRows(w.b, "IDAT", x.off, w.header)
	}
	return nil
}
