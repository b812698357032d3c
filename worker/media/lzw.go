package media

// lzw counts the pixels that the data of a GIF's frame gives, without making them: a code costs the same whatever it
// stands for, so that a file of a few bytes can't keep it busy for long.
type lzw struct {
	b    []byte
	off  int // of the next sub-block
	left []byte
	acc  uint32
	n    int // bits in acc
}

const lzwMost = 1 << 12 // codes

// count reads codes up to enough pixels, to the end code, or to the end of the data. It is false for a code that can't
// be there. off is behind the sub-block that was read last.
func (l *lzw) count(size, enough int) (pixels int, sound bool) {
	var lengths [lzwMost]uint32
	clearCode := 1 << size
	for i := range clearCode {
		lengths[i] = 1
	}
	width, next, last := size+1, clearCode+2, -1
	for pixels < enough {
		code, ok := l.code(width)
		switch {
		case !ok || code == clearCode+1:
			return pixels, true
		case code == clearCode:
			width, next, last = size+1, clearCode+2, -1
			continue
		case last < 0 && code > clearCode, code > next || code == next && next == lzwMost:
			return pixels, false
		}
		if last >= 0 && next < lzwMost {
			lengths[next] = lengths[last] + 1
			next++
			if next == 1<<width && width < 12 {
				width++
			}
		}
		pixels += int(lengths[code])
		last = code
	}
	return pixels, true
}

// code reads one code; false behind the last.
func (l *lzw) code(width int) (int, bool) {
	for l.n < width {
		if len(l.left) == 0 {
			if l.off >= len(l.b) || l.b[l.off] == 0 {
				return 0, false
			}
			end := min(len(l.b), l.off+1+int(l.b[l.off]))
			l.left, l.off = l.b[l.off+1:end], end
			continue
		}
		l.acc |= uint32(l.left[0]) << l.n
		l.left = l.left[1:]
		l.n += 8
	}
	code := int(l.acc & (1<<width - 1))
	l.acc >>= width
	l.n -= width
	return code, true
}
