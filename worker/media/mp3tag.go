package media

import (
	"bytes"
	"encoding/binary"
)

// skipTags returns the offset behind the tags that begin at off: ID3v2, with its footer, and APE. It is off where there
// is none, or only a part of one.
func skipTags(b []byte, off int) int {
	for {
		n := tagSize(b[off:])
		if n == 0 || n > len(b)-off {
			return off
		}
		off += n
	}
}

// tagSize is how many bytes the tag at the start of b says it has, 0 where there is none.
func tagSize(b []byte) int {
	const id3, ape = 10, 32
	switch {
	case len(b) >= id3 && string(b[:3]) == "ID3" && b[3] != 0xff && b[4] != 0xff:
		n := 0
		for _, x := range b[6:id3] {
			if x >= 0x80 {
				return 0
			}
			n = n<<7 | int(x)
		}
		if b[5]&0x10 != 0 {
			n += id3 // the footer
		}
		return id3 + n
	case len(b) >= ape && string(b[:8]) == "APETAGEX" && b[23]&0x20 != 0: // its header, not its footer
		return ape + int(binary.LittleEndian.Uint32(b[12:]))
	}
	return 0
}

// trimTags returns where the tags at the end of b begin: ID3v1, ID3v2, APE and Lyrics3, in any order. Nothing before start
// is taken for one.
func trimTags(b []byte, start int) int {
	end := len(b)
	for {
		next := trimTag(b, start, end)
		if next == end {
			return end
		}
		end = next
	}
}

func trimTag(b []byte, start, end int) int {
	const (
		id3v1  = 128
		longer = 227 // the extended tag before it
		footer = 32
		id3v2  = 10
	)
	left := b[start:end]
	switch {
	case endsWith(left, "TAG", id3v1):
		if end -= id3v1; endsWith(b[start:end], "TAG+", longer) {
			end -= longer
		}
		return end
	case endsWith(left, "APETAGEX", footer):
		n := int64(binary.LittleEndian.Uint32(b[end-footer+12:])) // items and footer
		if binary.LittleEndian.Uint32(b[end-footer+20:])>>31 == 1 {
			n += footer // a header before them
		}
		if n >= footer && n <= int64(len(left)) {
			return end - int(n)
		}
	case endsWith(left, "3DI", id3v2):
		head := append([]byte("ID3"), b[end-id3v2+3:end]...)
		if n := tagSize(head); n >= 2*id3v2 && n <= len(left) {
			return end - n
		}
	}
	return trimLyrics(b, start, end)
}

// endsWith reports whether the last n bytes of b begin with prefix.
func endsWith(b []byte, prefix string, n int) bool {
	return len(b) >= n && string(b[len(b)-n:][:len(prefix)]) == prefix
}

// trimLyrics cuts a Lyrics3 block: "LYRICSBEGIN" … six digits of its length and "LYRICS200", or in its first version
// "LYRICSEND" alone, behind at most 5100 bytes.
func trimLyrics(b []byte, start, end int) int {
	const first = 5100
	if endsWith(b[start:end], "LYRICSEND", 9) {
		if i := bytes.LastIndex(b[max(start, end-first-20):end], []byte("LYRICSBEGIN")); i >= 0 {
			return max(start, end-first-20) + i
		}
	}
	const tail = 6 + 9
	if end-start < tail || !bytes.Equal(b[end-9:end], []byte("LYRICS200")) {
		return end
	}
	n := 0
	for _, x := range b[end-tail : end-9] {
		if x < '0' || x > '9' {
			return end
		}
		n = n*10 + int(x-'0')
	}
	if n+tail > end-start {
		return end
	}
	return end - n - tail
}
