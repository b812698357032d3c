package media

import (
	"encoding/binary"
	"math/bits"

	"github.com/mediaferry/mediaferry/tasks"
)

// inflate counts what a stream of deflate (RFC 1951) unpacks to, without unpacking it: a match costs the same whatever
// its length, so that a file of a few bytes can't keep it busy for long.
type inflate struct {
	in      *pngData
	acc     uint64
	n       int // bits in acc
	zeros   int // bits in acc that are no data
	out     int
	literal deflateTable
	match   deflateTable
}

var (
	errDeflateCodes  = tasks.Textf("its codes are no deflate")
	errDeflateHeader = tasks.Textf("it is not compressed as it must be")
	errDeflateFar    = tasks.Textf("it repeats what was never there")
)

// inflated counts the bytes of a zlib stream (RFC 1950), up to enough of them or to its end.
func inflated(in *pngData, enough int) (int, error) {
	z := inflate{in: in}
	head := bits.ReverseBytes16(uint16(z.bits(16)))
	if z.spent() {
		return 0, nil
	}
	if head>>8&0x0f != 8 || head>>12 > 7 || head%31 != 0 || head&0x20 != 0 {
		return 0, errDeflateHeader
	}
	for last := false; !last && z.out < enough; {
		last = z.bits(1) == 1
		var err error
		switch z.bits(2) {
		case 0:
			err = z.stored()
		case 1:
			z.fixed()
			err = z.codes(enough)
		case 2:
			if err = z.dynamic(); err == nil {
				err = z.codes(enough)
			}
		default:
			err = errDeflateCodes
		}
		if z.spent() {
			return z.out, nil
		}
		if err != nil {
			return z.out, err
		}
	}
	return z.out, nil
}

// fill makes 48 bits or more ready. Behind the end of the data there are zeros.
func (z *inflate) fill() {
	if in := z.in; in.off+8 <= in.end {
		k := (64 - z.n) / 8
		z.acc |= binary.LittleEndian.Uint64(in.b[in.off:]) << z.n
		z.n, in.off = z.n+8*k, in.off+k
		if z.n < 64 {
			z.acc &= 1<<z.n - 1
		}
		return
	}
	for z.n <= 56 {
		if z.in.off >= z.in.end && !z.in.more() {
			z.in.end = z.in.off
			z.zeros += 8
		} else {
			z.acc |= uint64(z.in.b[z.in.off]) << z.n
			z.in.off++
		}
		z.n += 8
	}
}

// spent reports whether more bits were read than there are.
func (z *inflate) spent() bool { return z.n < z.zeros }

func (z *inflate) bits(n int) int {
	if z.n < n {
		z.fill()
	}
	x := z.acc & (1<<n - 1)
	z.acc >>= n
	z.n -= n
	return int(x)
}

// stored skips a block that is not compressed.
func (z *inflate) stored() error {
	z.bits(z.n & 7)
	n := z.bits(16)
	if n != z.bits(16)^0xffff {
		return errDeflateCodes
	}
	for ; n > 0 && !z.spent(); n-- {
		z.bits(8)
		z.out++
	}
	return nil
}

// codes counts one block of codes.
func (z *inflate) codes(enough int) error {
	for z.out < enough {
		if z.n < 48 {
			z.fill()
			if z.spent() {
				return nil
			}
		}
		x := z.literal.next(z)
		switch {
		case x < 0:
			return errDeflateCodes
		case x < 256:
			z.out++
			continue
		case x == 256:
			return nil
		case x > 285:
			return errDeflateCodes
		}
		length := int(lengthBase[x-257]) + z.bits(int(lengthBits[x-257]))
		d := z.match.next(z)
		if d < 0 || d > 29 {
			return errDeflateCodes
		}
		distance := 1 + d
		if d > 3 {
			more := d/2 - 1
			distance = 1 + (2+d&1)<<more + z.bits(more)
		}
		if distance > z.out {
			return errDeflateFar
		}
		z.out += length
	}
	return nil
}

// lengths of matches by code, and how many bits they have more (RFC 1951, 3.2.5).
var (
	lengthBase = [29]uint16{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthBits = [29]uint8{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	lengthCode = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// fixed sets the tables of the standard (RFC 1951, 3.2.6).
func (z *inflate) fixed() {
	var lengths [288]uint8
	for i := range lengths {
		switch {
		case i < 144 || i > 279:
			lengths[i] = 8
		case i < 256:
			lengths[i] = 9
		default:
			lengths[i] = 7
		}
	}
	z.literal.build(lengths[:])
	var distances [32]uint8 // two of them stand for nothing
	for i := range distances {
		distances[i] = 5
	}
	z.match.build(distances[:])
}

// dynamic reads the tables of a block (RFC 1951, 3.2.7).
func (z *inflate) dynamic() error {
	literals, matches, codes := 257+z.bits(5), 1+z.bits(5), 4+z.bits(4)
	if literals > 286 || matches > 30 {
		return errDeflateCodes
	}
	var lengths [286 + 30]uint8
	for i := range codes {
		lengths[lengthCode[i]] = uint8(z.bits(3))
	}
	if !z.match.build(lengths[:19]) {
		return errDeflateCodes
	}
	clear(lengths[:19])
	for i := 0; i < literals+matches; {
		x := z.match.next(z)
		if x < 0 || z.spent() {
			return errDeflateCodes
		}
		length, times := uint8(0), 1
		switch {
		case x < 16:
			length = uint8(x)
		case x == 16 && i == 0:
			return errDeflateCodes
		case x == 16:
			length, times = lengths[i-1], 3+z.bits(2)
		case x == 17:
			times = 3 + z.bits(3)
		default:
			times = 11 + z.bits(7)
		}
		if i+times > literals+matches {
			return errDeflateCodes
		}
		for ; times > 0; times-- {
			lengths[i] = length
			i++
		}
	}
	if lengths[256] == 0 || !z.literal.build(lengths[:literals]) || !z.match.build(lengths[literals:literals+matches]) {
		return errDeflateCodes
	}
	return nil
}

// deflateTable decodes the Huffman codes of one table.
type deflateTable struct {
	fast    [1 << deflatePeek]uint16 // by the next bits: symbol << 4 | length of the code; 0 where the code is longer
	counts  [16]int
	symbols [288]uint16
}

const deflatePeek = 10

// build makes the table of the lengths of its codes. It is false for more codes than there can be, or fewer, unless it
// is one alone, or none.
func (t *deflateTable) build(lengths []uint8) bool {
	t.counts = [16]int{}
	for _, n := range lengths {
		t.counts[n]++
	}
	t.counts[0] = 0
	var index, code [16]int
	left, total := 1, 0
	for n := 1; n < 16; n++ {
		left = left<<1 - t.counts[n]
		if left < 0 {
			return false
		}
		index[n] = total
		total += t.counts[n]
		code[n] = (code[n-1] + t.counts[n-1]) << 1
	}
	if left > 0 && total > 1 {
		return false
	}
	clear(t.fast[:])
	for symbol, n := range lengths {
		if n == 0 {
			continue
		}
		t.symbols[index[n]] = uint16(symbol)
		index[n]++
		if n <= deflatePeek {
			for i := int(bits.Reverse16(uint16(code[n])) >> (16 - n)); i < 1<<deflatePeek; i += 1 << n {
				t.fast[i] = uint16(symbol)<<4 | uint16(n)
			}
		}
		code[n]++
	}
	return true
}

// next reads one code, or returns -1 for one that does not exist.
func (t *deflateTable) next(z *inflate) int {
	if z.n < 16 {
		z.fill()
	}
	if x := t.fast[z.acc&(1<<deflatePeek-1)]; x != 0 {
		z.acc >>= x & 0x0f
		z.n -= int(x & 0x0f)
		return int(x >> 4)
	}
	code, first, index := 0, 0, 0
	for n := 1; n < 16; n++ {
		code |= int(z.acc >> (n - 1) & 1)
		if code-first < t.counts[n] {
			z.acc >>= n
			z.n -= n
			return int(t.symbols[index+code-first])
		}
		index += t.counts[n]
		first = (first + t.counts[n]) << 1
		code <<= 1
	}
	return -1
}
