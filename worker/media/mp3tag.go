package media

import (
	"bytes"
	"encoding/binary"
)

// skipID3 returns the offset behind the ID3v2 tags that begin at off, with their footers: off where there is none.
func skipID3(b []byte, off int) int {
	const head = 10
	for len(b)-off >= head && string(b[off:off+3]) == "ID3" && b[off+3] != 0xff && b[off+4] != 0xff {
		n := 0
		for _, x := range b[off+6 : off+head] {
			if x >= 0x80 {
				return off
			}
			n = n<<7 | int(x)
		}
		if b[off+5]&0x10 != 0 {
			n += head // the footer
		}
		off += head + min(n, len(b)-off-head)
	}
	return off
}

// trimTags returns where the tags at the end of b begin: ID3v1, APE and Lyrics3, in any order. Nothing before start
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
		footer = 32
	)
	if end-start >= id3v1 && string(b[end-id3v1:end-id3v1+3]) == "TAG" {
		return end - id3v1
	}
	if end-start >= footer && string(b[end-footer:end-footer+8]) == "APETAGEX" {
		n := int64(binary.LittleEndian.Uint32(b[end-footer+12:])) // items and footer
		if binary.LittleEndian.Uint32(b[end-footer+20:])>>31 == 1 {
			n += footer // a header before them
		}
		if n >= footer && n <= int64(end-start) {
			return end - int(n)
		}
	}
	return trimLyrics(b, start, end)
}

// trimLyrics cuts a Lyrics3 v2 block: "LYRICSBEGIN" … six digits of its length, "LYRICS200".
func trimLyrics(b []byte, start, end int) int {
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
