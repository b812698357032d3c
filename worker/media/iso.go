package media

import (
	"encoding/binary"
	"github.com/mediaferry/mediaferry/tasks"
	"strings"
)

// sniffISO names a file of ISO base media format (MP4 and its relatives) by its brand, and a QuickTime file that is
// older than brands by its first box.
func sniffISO(b []byte) (kind, bool) {
	if len(b) < 8 {
		return kind{}, false
	}
	n := binary.BigEndian.Uint32(b)
	switch string(b[4:8]) {
	case "ftyp":
		return sniffBrand(b[8:max(8, min(len(b), int(min(n, 1<<12))))]), true
	case "moov", "mdat", "wide", "pnot":
		return kindMOV, n == 0 || n == 1 || n >= 8
	case "free", "skip":
		return kindMOV, n >= 8 && len(b) >= 16
	case "styp", "moof", "sidx":
		return kindMP4, n >= 8
	}
	return kind{}, false
}

// sniffBrand decides by the major brand, and for one that says nothing by the compatible ones.
func sniffBrand(body []byte) kind {
	if len(body) < 4 {
		return kindMP4
	}
	if k, ok := kindOfBrand(string(body[:4])); ok {
		return k
	}
	for at := 8; at+4 <= len(body); at += 4 {
		if k, ok := kindOfBrand(string(body[at : at+4])); ok {
			return k
		}
	}
	k := kindMP4
	k.format, k.name, k.ext = "iso", "a media file of brand "+printable(body[:4]), ""
	return k
}

func kindOfBrand(brand string) (kind, bool) {
	switch brand {
	case "isom", "iso2", "iso3", "iso4", "iso5", "iso6", "iso7", "iso8", "iso9", "mp41", "mp42", "avc1", "mp71",
		"MSNV", "dash", "msdh", "mmp4", "XAVC", "NDSC", "NDSH", "NDSM", "cmfc", "cmf2", "hlsf", "f4v ", "F4V ", "ndas":
		return kindMP4, true
	case "qt  ":
		return kindMOV, true
	case "M4V ", "M4VH", "M4VP":
		return kindM4V, true
	case "M4A ", "M4B ", "M4P ", "F4A ", "F4B ":
		return kindM4A, true
	case "heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1":
		return kindHEIC, true
	case "avif", "avis":
		return kindAVIF, true
	case "crx ":
		return kindCR3, true
	}
	switch {
	case strings.HasPrefix(brand, "3g2"):
		return kind3G2, true
	case strings.HasPrefix(brand, "3gp"), strings.HasPrefix(brand, "3gr"), strings.HasPrefix(brand, "3gs"), strings.HasPrefix(brand, "3ge"), strings.HasPrefix(brand, "3gg"), strings.HasPrefix(brand, "3gh"):
		return kind3GP, true
	}
	return kind{}, false
}

// printable is b as text fit for a message.
func printable(b []byte) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(b))
}

// box is one box of ISO base media format.
type box struct {
	kind  [4]byte
	body  []byte
	off   int // of body in the file
	end   int // of the box in the file
	start int // of the box in the file
}

func (x box) is(kind string) bool { return string(x.kind[:]) == kind }

// named reports whether the box has a name that programs give.
func (x box) named() bool {
	for _, c := range x.kind {
		if (c < ' ' || c > '~') && c != 0xa9 { // ©nam and others
			return false
		}
	}
	return true
}

// optional reports whether the samples of a movie can be read without the box.
func (x box) optional() bool {
	return x.is("udta") || x.is("meta") || x.is("free") || x.is("skip") || x.is("uuid")
}

// boxes walks the boxes of one container, or of the file.
type boxes struct {
	b     []byte // the file, up to the end of the container
	off   int
	next  box
	err   error // of the file alone: what is at off is cut off, and begins in next, or is no box
	unfit *int  // of a container: counts what is no box, and boxes that reach beyond it
}

func topBoxes(b []byte) boxes { return boxes{b: b} }

func (w *mp4Walk) inside(x box) boxes { return boxes{b: w.b[:x.end], off: x.off, unfit: &w.unfit} }

// scan moves to the next box; false at the end, or with err set. As for ffmpeg, within a container a box that reaches
// beyond it ends with it, and what can't be a box ends it: QuickTime ends lists with a zero of 32 bits.
func (w *boxes) scan() bool {
	left := len(w.b) - w.off
	w.next = box{start: w.off}
	if left == 0 || w.err != nil {
		return false
	}
	if left < 8 {
		if w.unfit == nil {
			w.err = cutOff("MP4 has %s at byte %d, where a box must be", count(left, "byte"), w.off)
		} else if left != 4 || string(w.b[w.off:]) != "\x00\x00\x00\x00" {
			*w.unfit++
		}
		return false
	}
	head := w.b[w.off:]
	w.next.kind, w.next.off = [4]byte(head[4:8]), w.off+8
	size := uint64(binary.BigEndian.Uint32(head))
	switch {
	case size == 0:
		size = uint64(left) // up to the end
	case size == 1 && left >= 16:
		size = binary.BigEndian.Uint64(head[8:])
		w.next.off += 8
	}
	if size < uint64(w.next.off-w.off) {
		if w.next = (box{start: w.off}); w.unfit == nil {
			w.err = corrupt("MP4 has no box at byte %d, where one must be", w.off)
		} else {
			*w.unfit++
		}
		return false
	}
	w.next.end = w.off + int(min(size, uint64(left)))
	w.next.body = w.b[w.next.off:w.next.end]
	if size > uint64(left) {
		if w.unfit == nil {
			w.err = cutOff("MP4 box %s at byte %d has %d bytes, %d are there", printable(head[4:8]), w.off, size, left)
			return false
		}
		*w.unfit++
	}
	w.off = w.next.end
	return true
}

// soundOnly is what a file of kind k is that has no pictures, by the codec of its sound.
func soundOnly(k kind, codec string) kind {
	name := map[string]string{"samr": "AMR", "sawb": "AMR-WB", "mp4a": "AAC", ".mp3": "MP3", "alac": "ALAC", "Opus": "Opus"}[codec]
	if name == "" {
		name = printable([]byte(codec))
	}
	k.name = k.name + " with sound only (" + name + ")"
	k.family, k.walker, k.sound = tasks.Voice, walkerNone, codec
	return k
}
