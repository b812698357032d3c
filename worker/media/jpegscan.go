package media

import (
	"bytes"
	"math/bits"
)

// jpegScan is one scan: a pass over all blocks of some components.
type jpegScan struct {
	*jpegWalk
	in         jpegBits
	parts      []jpegPart
	start, end int // of the coefficients
	high, low  int // bits: those that were there before, and those that stay missing
	run        int // blocks that have no more coefficients
}

// jpegPart is a component with its codes.
type jpegPart struct {
	*jpegComponent
	codes  byte // the numbers of its tables
	dc, ac *jpegTable
}

// scan reads a scan header and the entropy-coded data behind it.
func (w *jpegWalk) scan(body []byte) error {
	at := w.off - len(body) - 4
	if w.frame.components == nil {
		return corrupt("JPEG has a scan at byte %d before its frame header", at)
	}
	if len(body) < 4 || len(body) != 4+2*int(body[0]) || body[0] < 1 || body[0] > 4 {
		return corrupt("JPEG has a scan header of %d bytes, which does not fit its components", len(body))
	}
	w.scans++
	tail := body[len(body)-3:]
	s := jpegScan{jpegWalk: w, in: jpegBits{b: w.b, off: w.off},
		start: int(tail[0]), end: int(tail[1]), high: int(tail[2] >> 4), low: int(tail[2] & 0x0f)}
	if err := s.header(body[1:len(body)-3], at); err != nil {
		return err
	}
	if !s.coded() && !w.frame.progressive {
		w.standard()
	}
	if !s.coded() {
		return corrupt("JPEG has no code table for its scan at byte %d", at)
	}
	if w.frame.skipped || w.frame.visited > maxVisits*w.frame.blocks {
		w.frame.skipped = true
		return w.skip()
	}
	err := s.blocks()
	w.stray += s.in.rest()
	w.off = s.in.off
	if err == nil {
		w.scanned = w.off
	}
	return err
}

// header looks up the components, and checks what they ask for.
func (s *jpegScan) header(body []byte, at int) error {
	blocks := 0
	for i := 0; i < len(body); i += 2 {
		part := jpegPart{}
		for k := range s.frame.components {
			if c := &s.frame.components[k]; c.id == body[i] {
				part.jpegComponent = c
				break
			}
		}
		if part.jpegComponent == nil || body[i+1]>>4 > 3 || body[i+1]&0x0f > 3 {
			return corrupt("JPEG has a scan at byte %d of a component that does not exist", at)
		}
		if !s.quant[part.quant] {
			return corrupt("JPEG has no quantisation table for its scan at byte %d", at)
		}
		part.codes = body[i+1]
		blocks += part.wide * part.high
		s.parts = append(s.parts, part)
	}
	if len(s.parts) > 1 && blocks > 10 {
		return corrupt("JPEG has a scan at byte %d of %d blocks in one, 10 are allowed", at, blocks)
	}
	if !s.frame.progressive {
		s.start, s.end, s.high, s.low = 0, 63, 0, 0 // other values are ignored by all
		return nil
	}
	if s.start > s.end || s.end > 63 || s.low > 13 || s.start == 0 && s.end != 0 || s.start > 0 && len(s.parts) > 1 || s.high > 0 && s.low != s.high-1 {
		return corrupt("JPEG has a damaged scan header at byte %d", at)
	}
	return nil
}

// coded looks up the tables, and reports whether those that the scan needs are there.
func (s *jpegScan) coded() bool {
	dc, ac := s.start == 0 && s.high == 0, s.end > 0
	for i := range s.parts {
		p := &s.parts[i]
		p.dc, p.ac = s.tables[0][p.codes>>4], s.tables[1][p.codes&0x0f]
		if dc && p.dc == nil || ac && p.ac == nil {
			return false
		}
	}
	return true
}

// skip skips entropy-coded data, up to the next marker that is not a restart.
func (w *jpegWalk) skip() error {
	for {
		i := bytes.IndexByte(w.b[w.off:], 0xff)
		if i < 0 || w.off+i+1 >= len(w.b) {
			return cutOff("JPEG ends at byte %d in its picture data, without its end marker (EOI)", len(w.b))
		}
		w.off += i
		switch m := w.b[w.off+1]; {
		case m == 0, m >= jpegRST0 && m <= jpegRST7:
			w.off += 2
		case m == 0xff:
			w.off++
		default:
			return nil
		}
	}
}

// blocks counts the blocks of the scan.
func (s *jpegScan) blocks() error {
	mcus := s.frame.mcusWide * s.frame.mcusHigh
	if len(s.parts) == 1 {
		mcus = s.parts[0].across * s.parts[0].down
	}
	s.frame.visited += mcus * len(s.parts)
	restart := byte(jpegRST0)
	for m := range mcus {
		if s.restart > 0 && m > 0 && m%s.restart == 0 {
			if !s.sync(restart) {
				return s.short(m, mcus)
			}
			s.run = 0
			if restart++; restart > jpegRST7 {
				restart = jpegRST0
			}
		}
		if !s.mcu(m) || s.in.spent() {
			return s.short(m, mcus)
		}
	}
	for _, p := range s.parts {
		p.done = true
		for k := s.start; k <= s.end; k++ {
			p.missing[k] = int8(s.low)
		}
	}
	return nil
}

// short is the error of a scan that is whole up to its block m.
func (s *jpegScan) short(m, mcus int) error {
	if s.in.marker && s.in.off >= len(s.b) {
		return cutOff("JPEG ends at byte %d in its picture data, with %d %% of it", len(s.b), 100*m/mcus)
	}
	return corrupt("JPEG is damaged at about byte %d: %d %% of its picture data can be read", s.in.off, 100*m/mcus)
}

// sync moves behind the restart marker want, as libjpeg does: over stray bytes and markers that came before, but never
// over one that comes later, since what belongs between is missing then.
func (s *jpegScan) sync(want byte) bool {
	s.stray += s.in.rest()
	s.off = s.in.off
	for {
		m := s.marker()
		if s.noEnd {
			s.in.off, s.in.marker = s.off, true
			return false
		}
		if m < jpegSOF0 {
			continue
		}
		if m < jpegRST0 || m > jpegRST7 {
			return false
		}
		switch (m - want) & 7 {
		case 1, 2:
			return false
		case 6, 7:
			s.restarts++
			continue
		}
		if m != want {
			s.restarts++
		}
		s.in.off, s.in.marker = s.off, false
		return true
	}
}

// mcu reads the blocks of one MCU; false where its codes are damaged.
func (s *jpegScan) mcu(m int) bool {
	for i := range s.parts {
		p := &s.parts[i]
		n := 1
		if len(s.parts) > 1 {
			n = p.wide * p.high
		}
		for range n {
			if !s.block(p, m) {
				return false
			}
		}
	}
	return true
}

func (s *jpegScan) block(p *jpegPart, m int) bool {
	switch {
	case !s.frame.progressive:
		return s.first(p) && s.sequential(p)
	case s.start == 0 && s.high == 0:
		return s.first(p)
	case s.start == 0:
		s.in.skip(1)
		return true
	case s.low > 0 && p.nonzero == nil:
		p.nonzero = make([]uint64, p.across*p.down)
	}
	if s.high == 0 {
		return s.band(p, m)
	}
	return p.nonzero != nil && s.refine(p, m)
}

// first reads the first coefficient.
func (s *jpegScan) first(p *jpegPart) bool {
	n, ok := s.in.symbol(p.dc)
	if !ok || n > 15 {
		return false
	}
	s.in.skip(int(n))
	return true
}

// sequential reads the others.
func (s *jpegScan) sequential(p *jpegPart) bool {
	for k := 1; k < 64; k++ {
		x, ok := s.in.symbol(p.ac)
		if !ok {
			return false
		}
		zeros, n := int(x>>4), int(x&0x0f)
		if n == 0 && zeros != 15 {
			return true
		}
		if k += zeros; k > 63 && n > 0 {
			return false
		}
		s.in.n -= n // they are ready
	}
	return true
}

// band reads some coefficients for the first time (ITU T.81, G.1.2.2).
func (s *jpegScan) band(p *jpegPart, m int) bool {
	if s.run > 0 {
		s.run--
		return true
	}
	for k := s.start; k <= s.end; k++ {
		x, ok := s.in.symbol(p.ac)
		if !ok {
			return false
		}
		zeros, n := int(x>>4), int(x&0x0f)
		if n == 0 && zeros != 15 {
			s.run = 1<<zeros + s.in.bits(zeros) - 1
			return true
		}
		if k += zeros; k > 63 && n > 0 {
			return false
		}
		s.in.n -= n
		if n > 0 && p.nonzero != nil {
			p.nonzero[m] |= 1 << k
		}
	}
	return true
}

// refine reads one more bit of some coefficients (ITU T.81, G.1.2.3): of those that are not zero, and of new ones.
func (s *jpegScan) refine(p *jpegPart, m int) bool {
	nonzero := &p.nonzero[m]
	k := s.start
	for ; s.run == 0 && k <= s.end; k++ {
		x, ok := s.in.symbol(p.ac)
		if !ok {
			return false
		}
		zeros, n := int(x>>4), int(x&0x0f)
		if n == 0 && zeros != 15 {
			s.run = 1<<zeros + s.in.bits(zeros)
			break
		}
		s.in.skip(min(n, 1)) // its sign
		for ; k <= s.end; k++ {
			if *nonzero>>k&1 == 1 {
				s.in.skip(1)
				continue
			}
			if zeros--; zeros < 0 {
				break
			}
		}
		if n > 0 {
			if k > 63 {
				return false
			}
			*nonzero |= 1 << k
		}
	}
	if s.run > 0 {
		if k <= s.end {
			s.in.skip(bits.OnesCount64(*nonzero >> k << k << (63 - s.end)))
		}
		s.run--
	}
	return true
}
