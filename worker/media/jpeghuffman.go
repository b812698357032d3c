package media

import "encoding/binary"

// jpegTable decodes the Huffman codes of one table (ITU T.81, annex C).
type jpegTable struct {
	fast    [1 << jpegPeek]uint16 // by the next bits: length of the code << 8 | symbol; 0 where the code is longer
	limit   [17]int32             // by length: the first code that is not of this length, left-aligned to 16 bits
	offset  [17]int32             // by length: index of a code's symbol, less the code
	symbols [256]byte
}

const jpegPeek = 9

// huffman reads DHT.
func (w *jpegWalk) huffman(body []byte) error {
	at := w.off - len(body) - 4
	for len(body) > 0 {
		n := 0
		for _, x := range body[1:min(17, len(body))] {
			n += int(x)
		}
		if len(body) < 17+n || n > 256 || body[0]>>4 > 1 || body[0]&0x0f > 3 {
			return corrupt("JPEG has a damaged code table at byte %d", at)
		}
		t, ok := newJPEGTable(body[1:17], body[17:17+n])
		if !ok {
			return corrupt("JPEG has a damaged code table at byte %d", at)
		}
		w.tables[body[0]>>4][body[0]&0x0f] = t
		body = body[17+n:]
	}
	return nil
}

// newJPEGTable builds a table of how many codes there are of each length, and their symbols.
func newJPEGTable(counts, symbols []byte) (*jpegTable, bool) {
	t := new(jpegTable)
	copy(t.symbols[:], symbols)
	code, index := int32(0), int32(0)
	for length := 1; length <= 16; length++ {
		t.offset[length] = index - code
		for range counts[length-1] {
			if code >= 1<<length {
				return nil, false
			}
			if length <= jpegPeek {
				first := code << (jpegPeek - length)
				for i := first; i < first+1<<(jpegPeek-length); i++ {
					t.fast[i] = uint16(length)<<8 | uint16(symbols[index])
				}
			}
			code, index = code+1, index+1
		}
		t.limit[length] = code << (16 - length)
		code <<= 1
	}
	return t, true
}

// jpegBits reads the entropy-coded data of b bit by bit, up to the next marker. Behind it there are zeros.
type jpegBits struct {
	b      []byte
	off    int
	acc    uint64
	n      int  // bits in acc
	zeros  int  // bits in acc that are no data
	marker bool // off is at one, or at the end of the file
}

// fill makes 32 bits or more ready: enough for the longest code with what belongs to it.
func (r *jpegBits) fill() {
	if r.off+8 <= len(r.b) {
		x := binary.BigEndian.Uint64(r.b[r.off:])
		// No byte of x is 0xff: no byte of its complement is 0.
		if (^x-0x0101010101010101)&x&0x8080808080808080 == 0 {
			k := (64 - r.n) / 8
			r.acc, r.n, r.off = r.acc<<(8*k)|x>>(64-8*k), r.n+8*k, r.off+k
			return
		}
	}
	for r.n <= 56 {
		x := byte(0)
		switch {
		case r.marker:
			r.zeros += 8
		case r.off >= len(r.b):
			r.marker = true
			r.zeros += 8
		case r.b[r.off] != 0xff:
			x = r.b[r.off]
			r.off++
		case r.stuffed():
			x = 0xff
		default:
			r.marker = true
			r.zeros += 8
		}
		r.acc, r.n = r.acc<<8|uint64(x), r.n+8
	}
}

// stuffed moves over 0xff with its zero; at a marker it moves to the last 0xff before it.
func (r *jpegBits) stuffed() bool {
	for r.off+1 < len(r.b) && r.b[r.off+1] == 0xff {
		r.off++
	}
	if r.off+1 >= len(r.b) {
		r.off = len(r.b)
		return false
	}
	if r.b[r.off+1] == 0 {
		r.off += 2
		return true
	}
	return false
}

// spent reports whether more bits were read than there are.
func (r *jpegBits) spent() bool { return r.n < r.zeros }

// rest drops what is left of the bits that are ready, and returns how many whole bytes of them were data.
func (r *jpegBits) rest() int {
	n := max(0, r.n-r.zeros) / 8
	r.acc, r.n, r.zeros = 0, 0, 0
	return n
}

func (r *jpegBits) skip(n int) {
	for r.n < n {
		n -= r.n
		r.n = 0
		r.fill()
	}
	r.n -= n
}

func (r *jpegBits) bits(n int) int {
	if n == 0 {
		return 0
	}
	if r.n < n {
		r.fill()
	}
	r.n -= n
	return int(r.acc >> r.n & (1<<n - 1))
}

// symbol reads one code; false for one that does not exist. At least 16 bits are ready for what belongs to it.
func (r *jpegBits) symbol(t *jpegTable) (byte, bool) {
	if r.n < 32 {
		r.fill()
	}
	if x := t.fast[r.acc>>(r.n-jpegPeek)&(1<<jpegPeek-1)]; x != 0 {
		r.n -= int(x >> 8)
		return byte(x), true
	}
	code := int32(r.acc >> (r.n - 16) & 0xffff)
	for length := jpegPeek + 1; length <= 16; length++ {
		if code < t.limit[length] {
			r.n -= length
			return t.symbols[t.offset[length]+code>>(16-length)], true
		}
	}
	return 0, false
}
