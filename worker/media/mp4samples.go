package media

import "encoding/binary"

// mp4Samples is where the samples of one track lie: chunks of them at offsets, so many in each, of such sizes.
type mp4Samples struct {
	chunks box  // stco or co64
	wide   bool // co64: offsets of 8 bytes
	runs   box  // stsc
	sizes  box  // stsz or stz2
}

// table returns the entries of a box that counts them at offset head-4, refusing a count that it has no room for.
func (x box) table(head, width int) (entries []byte, n int, err error) {
	if x.body == nil {
		return nil, 0, nil
	}
	if len(x.body) < head {
		return nil, 0, corrupt("MP4 box %s at byte %d is too short", x.kind[:], x.off)
	}
	count := binary.BigEndian.Uint32(x.body[head-4:])
	entries = x.body[head:]
	if uint64(count)*uint64(width) > uint64(len(entries)) {
		return nil, 0, corrupt("MP4 box %s at byte %d counts %d entries and has room for %d", x.kind[:], x.off, count, len(entries)/width)
	}
	return entries, int(count), nil
}

// within looks whether every chunk lies within a file of size bytes, to the end of its last sample, and outside its index.
// It reports whether there are any chunks.
func (s *mp4Samples) within(size int, index box) (bool, error) {
	width := 4
	if s.wide {
		width = 8
	}
	offsets, n, err := s.chunks.table(8, width)
	if err != nil || n == 0 {
		return false, err
	}
	runs, nRuns, err := s.runs.table(8, 12)
	if err != nil {
		return false, err
	}
	sizes, err := s.sampleSizes()
	if err != nil {
		return false, err
	}
	perChunk, run := uint32(0), 0
	for i := range n {
		var at uint64
		if s.wide {
			at = binary.BigEndian.Uint64(offsets[i*8:])
		} else {
			at = uint64(binary.BigEndian.Uint32(offsets[i*4:]))
		}
		// A run begins at the chunk it names, counted from 1, and lasts to the next one (8.7.4).
		for run < nRuns && uint64(binary.BigEndian.Uint32(runs[run*12:])) <= uint64(i)+1 {
			perChunk = binary.BigEndian.Uint32(runs[run*12+4:])
			run++
		}
		length := sizes.take(perChunk)
		if at < uint64(index.end) && at+length > uint64(index.start) {
			return false, corrupt("MP4 has its index at byte %d, where there must be samples", at)
		}
		if length > 0 && (at >= uint64(size) || length > uint64(size)-at) {
			return false, cutOff("MP4 has samples up to byte %d, the file ends at %d", at+length, size)
		}
	}
	return true, nil
}

// mp4Sizes hands out the sizes of samples in their order.
type mp4Sizes struct {
	same uint64 // of every sample; 0: each has its own
	left []byte
	bits int    // of each size in left
	half bool   // of 4 bits, the first of a byte is taken
	n    uint64 // samples left
}

func (s *mp4Samples) sampleSizes() (mp4Sizes, error) {
	if len(s.sizes.body) < 12 {
		return mp4Sizes{}, nil
	}
	sizes := mp4Sizes{n: uint64(binary.BigEndian.Uint32(s.sizes.body[8:])), bits: 32}
	if s.sizes.is("stz2") {
		sizes.bits = int(s.sizes.body[7])
	} else if sizes.same = uint64(binary.BigEndian.Uint32(s.sizes.body[4:])); sizes.same != 0 {
		return sizes, nil
	}
	sizes.left = s.sizes.body[12:]
	if sizes.n*uint64(sizes.bits) > 8*uint64(len(sizes.left)) {
		return sizes, corrupt("MP4 box %s at byte %d counts %d sizes, which it has no room for", s.sizes.kind[:], s.sizes.off, sizes.n)
	}
	return sizes, nil
}

// take returns how many bytes the next n samples have.
func (s *mp4Sizes) take(n uint32) uint64 {
	taken := min(uint64(n), s.n)
	s.n -= taken
	if s.same > 0 {
		return taken * s.same
	}
	sum := uint64(0)
	for range taken {
		sum += s.next()
	}
	return sum
}

func (s *mp4Sizes) next() (size uint64) {
	switch s.bits {
	case 4:
		if s.half = !s.half; s.half {
			return uint64(s.left[0] >> 4)
		}
		size = uint64(s.left[0] & 0x0f)
		s.left = s.left[1:]
	case 8:
		size = uint64(s.left[0])
		s.left = s.left[1:]
	case 16:
		size = uint64(binary.BigEndian.Uint16(s.left))
		s.left = s.left[2:]
	case 32:
		size = uint64(binary.BigEndian.Uint32(s.left))
		s.left = s.left[4:]
	}
	return size
}
