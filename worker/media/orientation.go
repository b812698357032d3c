package media

import (
	"bytes"
	"encoding/binary"
	"image"

	"golang.org/x/image/draw"
)

const (
	jpegAPP1    = 0xe1
	jpegAPP2    = 0xe2
	exifMagic   = "Exif\x00\x00"
	iccMagic    = "ICC_PROFILE\x00"
	orientation = 0x0112 // the tag (EXIF 2.32, 4.6.4)
)

// jpegSegments calls see with every segment before the first scan: its marker, its body and the whole of it. b was walked before,
// so it is sound.
func jpegSegments(b []byte, see func(marker byte, body, whole []byte)) {
	for off := 2; off+4 <= len(b) && b[off] == 0xff; {
		if b[off+1] == 0xff {
			off++
			continue
		}
		if b[off+1] == jpegTEM {
			off += 2
			continue
		}
		n := int(binary.BigEndian.Uint16(b[off+2:]))
		if b[off+1] == jpegSOS || n < 2 || off+2+n > len(b) {
			return
		}
		see(b[off+1], b[off+4:off+2+n], b[off:off+2+n])
		off += 2 + n
	}
}

// orientationOf is the orientation that the EXIF of a picture declares, 1 (upright) where it declares none.
func orientationOf(b []byte, k kind) int {
	switch k.format {
	case "jpeg":
		return jpegOrientation(b)
	case "png":
		return exifOrientation(pngEXIF(b))
	case "webp":
		return exifOrientation(webpEXIF(b))
	case "tiff":
		return exifOrientation(b)
	}
	return 1
}

func jpegOrientation(b []byte) int {
	o := 1
	jpegSegments(b, func(marker byte, body, _ []byte) {
		if marker == jpegAPP1 && bytes.HasPrefix(body, []byte(exifMagic)) {
			o = exifOrientation(body[len(exifMagic):])
		}
	})
	return o
}

// exifOrientation looks the tag up in the first directory of a TIFF structure.
func exifOrientation(t []byte) int {
	if len(t) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if t[0] == 'I' {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(t[4:]))
	if at+2 > uint64(len(t)) {
		return 1
	}
	entries := t[at+2:]
	for range order.Uint16(t[at:]) {
		const entry = 12
		if len(entries) < entry {
			return 1
		}
		if order.Uint16(entries) == orientation {
			if o := int(order.Uint16(entries[8:])); o >= 1 && o <= 8 {
				return o
			}
			return 1
		}
		entries = entries[entry:]
	}
	return 1
}

// profileOf is the ICC profile of a JPEG: its segments as they stand.
func profileOf(b []byte) []byte {
	var profile []byte
	jpegSegments(b, func(marker byte, body, whole []byte) {
		if marker == jpegAPP2 && bytes.HasPrefix(body, []byte(iccMagic)) {
			profile = append(profile, whole...)
		}
	})
	return profile
}

// upright turns and mirrors m as an EXIF orientation asks.
func upright(m image.Image, o int) image.Image {
	if o <= 1 || o > 8 {
		return m
	}
	from := m.Bounds()
	src, ok := m.(*image.RGBA)
	if !ok || from.Min != (image.Point{}) {
		src = image.NewRGBA(image.Rect(0, 0, from.Dx(), from.Dy()))
		draw.Draw(src, src.Bounds(), m, from.Min, draw.Src)
	}
	w, h := from.Dx(), from.Dy()
	to := image.Rect(0, 0, w, h)
	if o >= 5 {
		to = image.Rect(0, 0, h, w)
	}
	dst := image.NewRGBA(to)
	for y := range to.Dy() {
		for x := range to.Dx() {
			sx, sy := origin(o, x, y, w, h)
			copy(dst.Pix[dst.PixOffset(x, y):][:4], src.Pix[src.PixOffset(sx, sy):][:4])
		}
	}
	return dst
}

// origin is where the pixel that is upright at x, y stands in a picture of w × h with orientation o.
func origin(o, x, y, w, h int) (sx, sy int) {
	switch o {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	}
	return w - 1 - y, x
}
