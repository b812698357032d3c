package media

// frame is one MPEG audio frame header.
type frame struct {
	layer   int
	rate    int // samples a second
	samples int // a channel
	size    int // bytes, with the header
	side    int // bytes of side information of layer III
	free    bool
	same    uint32 // the header bits that stay the same throughout a stream
}

// Bit rates in kbit/s by index (ISO 11172-3 and 13818-3, 2.4.2.3): index 0 is free format, 15 is forbidden.
var (
	ratesV1L1 = [15]int{0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448}
	ratesV1L2 = [15]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384}
	ratesV1L3 = [15]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}
	ratesV2L1 = [15]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}
	ratesV2   = [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}
	rates     = [3]int{44100, 48000, 32000}
)

// parseFrame reads the frame header at the start of b.
func parseFrame(b []byte) (frame, bool) {
	if len(b) < 4 || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return frame{}, false
	}
	version := b[1] >> 3 & 3 // 0: MPEG 2.5, 2: MPEG 2, 3: MPEG 1
	layer := 4 - int(b[1]>>1&3)
	rate, freq := b[2]>>4, b[2]>>2&3
	if version == 1 || layer == 4 || rate == 15 || freq == 3 {
		return frame{}, false
	}
	h := frame{layer: layer, rate: rates[freq], free: rate == 0, same: uint32(b[1])&0xfe<<8 | uint32(b[2])&0x0c}
	switch version {
	case 2:
		h.rate /= 2
	case 0:
		h.rate /= 4
	}
	one := version == 3
	h.side = sideInfo(one, b[3]>>6 == 3)
	padding := int(b[2] >> 1 & 1)
	kbits := bitRate(one, layer, rate)
	switch {
	case layer == 1:
		h.samples = 384
		h.size = (12*kbits*1000/h.rate + padding) * 4
	case layer == 3 && !one:
		h.samples = 576
		h.size = 72*kbits*1000/h.rate + padding
	default:
		h.samples = 1152
		h.size = 144*kbits*1000/h.rate + padding
	}
	return h, true
}

func bitRate(one bool, layer int, index byte) int {
	switch {
	case one && layer == 1:
		return ratesV1L1[index]
	case one && layer == 2:
		return ratesV1L2[index]
	case one:
		return ratesV1L3[index]
	case layer == 1:
		return ratesV2L1[index]
	}
	return ratesV2[index]
}

// sideInfo is how long the side information of layer III is, behind which a Xing header stands.
func sideInfo(one, mono bool) int {
	switch {
	case one && mono:
		return 17
	case one:
		return 32
	case mono:
		return 9
	}
	return 17
}

// chained reports whether n frames of the same stream follow one another from off, or fewer up to the end of b.
func chained(b []byte, off, n int) bool {
	first, ok := parseFrame(b[off:])
	if !ok || first.free {
		return false
	}
	for next := off + first.size; n > 1; n-- {
		if next > len(b)-4 {
			return true
		}
		h, ok := parseFrame(b[next:])
		if !ok || h.free || h.same != first.same {
			return false
		}
		next += h.size
	}
	return true
}

// junkLimit is how much is searched for the first frame. ffmpeg searches as much.
const junkLimit = 64 << 10

// firstFrame finds the first layer III frame at or after start, and how much garbage is before it. Tags among the
// garbage are skipped, however large, since pictures in them may look like frames. Behind garbage it takes a chain of
// three, since two headers that fit by accident are to be expected in some of many files.
func firstFrame(b []byte, start int) (off, junk int, ok bool) {
	if h, ok := parseFrame(b[start:]); ok && h.layer == 3 && chained(b, start, 2) {
		return start, 0, true
	}
	for off = start; off < len(b) && junk <= junkLimit; {
		if next := skipTags(b, off); next > off {
			off = next
			continue
		}
		if h, ok := parseFrame(b[off:]); ok && h.layer == 3 && off+2*h.size <= len(b) && chained(b, off, 3) {
			return off, junk, true
		}
		off++
		junk++
	}
	return 0, 0, false
}

// needs is how many bytes of the frame at the start of b are sound: behind them is filling. Sound may begin in frames
// before it (ISO 11172-3, 2.4.1.7).
func (h frame) needs(b []byte) int {
	at := 4
	if b[1]&1 == 0 {
		at += 2 // a checksum
	}
	if len(b) < at+h.side {
		return h.size
	}
	side := bitField{b[at : at+h.side]}
	one, mono := b[1]>>3&3 == 3, b[3]>>6 == 3
	// Before: where the sound begins, private bits, and what the granules share. Each granule: its length first.
	channels, granules, before, granule, begin := 2, 2, 9+3+8, 59, 9
	switch {
	case one && mono:
		channels, before = 1, 9+5+4
	case mono:
		channels, granules, before, granule, begin = 1, 1, 8+1, 63, 8
	case !one:
		granules, before, granule, begin = 1, 8+2, 63, 8
	}
	n := 0
	for i := range channels * granules {
		n += side.bits(before+i*granule, 12)
	}
	return at + h.side + max(0, (n+7)/8-side.bits(0, begin))
}

// bitField reads numbers from bytes, the highest bit first.
type bitField struct{ b []byte }

func (f bitField) bits(at, n int) int {
	x := 0
	for i := at; i < at+n; i++ {
		x = x<<1 | int(f.b[i/8]>>(7-i%8)&1)
	}
	return x
}
