package media

import (
	"bytes"
	"encoding/binary"
)

// webpAnimated reports whether the extended header of a WebP says that there are several frames.
func webpAnimated(b []byte) bool {
	const flags, animation = 20, 0x02
	return len(b) > flags && string(b[12:16]) == "VP8X" && b[flags]&animation != 0
}

// webpEXIF is the EXIF of a WebP, nil where it has none.
func webpEXIF(b []byte) []byte {
	for off := 12; off+8 <= len(b); {
		n := int(binary.LittleEndian.Uint32(b[off+4:]))
		if n > len(b)-off-8 {
			return nil
		}
		if string(b[off:off+4]) == "EXIF" {
			return bytes.TrimPrefix(b[off+8:off+8+n], []byte(exifMagic))
		}
		off += 8 + n + n&1
	}
	return nil
}

// pngEXIF is the EXIF of a PNG that was walked, nil where it has none.
func pngEXIF(b []byte) []byte {
	for off := len(pngMagic); off+12 <= len(b); {
		n := int(binary.BigEndian.Uint32(b[off:]))
		if n > len(b)-off-12 {
			return nil
		}
		if string(b[off+4:off+8]) == "eXIf" {
			return b[off+8 : off+8+n]
		}
		off += 12 + n
	}
	return nil
}

// tiffPages counts the pictures in a TIFF, without smaller versions of them: a preview is no page.
func tiffPages(b []byte) int {
	const entry, subfile, reduced, most = 12, 254, 1, 1000
	if len(b) < 8 {
		return 0
	}
	var order binary.ByteOrder = binary.BigEndian
	if b[0] == 'I' {
		order = binary.LittleEndian
	}
	pages := 0
	at := uint64(order.Uint32(b[4:]))
	for range most {
		if at == 0 || at+2 > uint64(len(b)) {
			break
		}
		n := uint64(order.Uint16(b[at:]))
		end := at + 2 + n*entry
		if end > uint64(len(b)) {
			break
		}
		page := true
		for x := at + 2; x < end; x += entry {
			if order.Uint16(b[x:]) == subfile && order.Uint32(b[x+8:])&reduced != 0 {
				page = false
			}
		}
		if page {
			pages++
		}
		if end+4 > uint64(len(b)) {
			break
		}
		at = uint64(order.Uint32(b[end:]))
	}
	return pages
}
