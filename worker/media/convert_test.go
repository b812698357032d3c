package media_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"math"
	"slices"
	"strings"
	"testing"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// WebP, BMP and TIFF become what WeChat takes, as an image and as a thumb.
func TestFixConverts(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"picture.webp", "picture.bmp", "picture.tiff", "webp-named.jpg"} {
		for _, typ := range []tasks.MediaType{tasks.Image, tasks.Thumb} {
			t.Run(name+" as "+string(typ), func(t *testing.T) {
				t.Parallel()
				out, did := fixed(t, sample{name: name}.read(t), typ, media.DefaultLimits())
				if got := decoded(t, out).Bounds().Size(); got != image.Pt(32, 32) || !strings.HasPrefix(did, "re-encoded as JPEG q95") {
					t.Errorf("%v, did %q, want 32 × 32 and JPEG q95", got, did)
				}
			})
		}
	}
}

// The orientation is applied from wherever a format keeps it.
func TestFixAppliesTheOrientationOfOtherFormats(t *testing.T) {
	t.Parallel()
	const turnedBy = 6 // by 90°
	exif := "MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00\x00\x00\x00\x00"
	upright := corners(120, 80)
	plain := encodedPNG(turned(upright, turnedBy))
	var asTIFF bytes.Buffer
	if err := tiff.Encode(&asTIFF, turned(upright, turnedBy), nil); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"PNG":  slices.Concat(plain[:33], pngChunk("eXIf", []byte(exif)), plain[33:]),
		"TIFF": turnedTIFF(asTIFF.Bytes(), turnedBy),
	} {
		out, _ := fixed(t, b, tasks.Thumb, media.DefaultLimits())
		m := decoded(t, out)
		if got, want := cornersOf(m), cornersOf(upright); got != want || m.Bounds().Size() != image.Pt(120, 80) {
			t.Errorf("%s: %v, corners %v, want 120 × 80, %v", name, m.Bounds().Size(), got, want)
		}
	}
	// No encoder of WebP is at hand: a sample, turned, is compared with itself.
	webp := sample{name: "picture.webp"}.read(t)
	asIs, _ := fixed(t, webp, tasks.Thumb, media.DefaultLimits())
	out, _ := fixed(t, extendedWebP(webp, exif), tasks.Thumb, media.DefaultLimits())
	a, b := decoded(t, asIs), decoded(t, out)
	same, rotated := 0, 0
	for y := range 32 {
		for x := range 32 {
			same += distance(b.At(x, y), a.At(x, y))
			rotated += distance(b.At(x, y), a.At(y, 31-x))
		}
	}
	if rotated > 32*32*16 || same < 3*rotated {
		t.Errorf("WebP: it differs by %d from itself turned, by %d from itself as it was", rotated, same)
	}
}

// distance is how far two colours are apart, 0 to 765.
func distance(a, b color.Color) int {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	n := 0
	for _, d := range []int{int(ar) - int(br), int(ag) - int(bg), int(ab) - int(bb)} {
		n += max(d, -d) >> 8
	}
	return n
}

// turnedTIFF writes an orientation over the software-independent tag that the encoder writes last.
func turnedTIFF(b []byte, orientation uint16) []byte {
	at := binary.LittleEndian.Uint32(b[4:])
	n := binary.LittleEndian.Uint16(b[at:])
	directory := slices.Clone(b[at+2 : at+2+uint32(n)*12])
	entry := binary.LittleEndian.AppendUint16(nil, 0x0112)
	entry = binary.LittleEndian.AppendUint16(entry, 3)
	entry = binary.LittleEndian.AppendUint32(entry, 1)
	entry = binary.LittleEndian.AppendUint32(entry, uint32(orientation))
	out := slices.Clone(b)
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)))
	out = binary.LittleEndian.AppendUint16(out, n+1)
	for i := 0; i < len(directory); i += 12 {
		if entry != nil && binary.LittleEndian.Uint16(directory[i:]) > 0x0112 {
			out, entry = append(out, entry...), nil
		}
		out = append(out, directory[i:i+12]...)
	}
	return append(out, 0, 0, 0, 0)
}

// extendedWebP is the picture of a simple WebP, 32 × 32, with EXIF.
func extendedWebP(simple []byte, exif string) []byte {
	chunk := func(name string, body []byte) []byte {
		b := binary.LittleEndian.AppendUint32([]byte(name), uint32(len(body)))
		return append(append(b, body...), make([]byte, len(body)&1)...)
	}
	all := slices.Concat([]byte("WEBP"), chunk("VP8X", []byte{8, 0, 0, 0, 31, 0, 0, 31, 0, 0}), simple[12:], chunk("EXIF", []byte(exif)))
	return chunk("RIFF", all)
}

// What is more than one picture is not reduced to one.
func TestFixRefusesSeveralPictures(t *testing.T) {
	t.Parallel()
	var page bytes.Buffer
	if err := tiff.Encode(&page, corners(8, 8), nil); err != nil {
		t.Fatal(err)
	}
	pages := page.Bytes()
	at := binary.LittleEndian.Uint32(pages[4:])
	next := at + 2 + 12*uint32(binary.LittleEndian.Uint16(pages[at:]))
	two := slices.Concat(pages, pages[at:next], make([]byte, 4))
	binary.LittleEndian.PutUint32(two[next:], uint32(len(pages)))
	animated := extendedWebP(sample{name: "picture.webp"}.read(t), "")
	animated[20] |= 2
	for name, b := range map[string][]byte{"TIFF": two, "WebP": animated} {
		for _, typ := range []tasks.MediaType{tasks.Image, tasks.Thumb} {
			_, _, err := media.Fix(t.Context(), b, typ, media.DefaultLimits())
			if tasks.CodeOf(err) != tasks.Unsupported || !strings.Contains(tasks.AsError(err).Hint, "take one frame") {
				t.Errorf("%s as %s: %v", name, typ, err)
			}
		}
	}
}

// tiffLong is a TIFF's entry of one number.
func tiffLong(tag uint16, n uint32) []byte {
	b := binary.LittleEndian.AppendUint16(nil, tag)
	b = binary.LittleEndian.AppendUint16(b, 4) // LONG
	b = binary.LittleEndian.AppendUint32(b, 1)
	return binary.LittleEndian.AppendUint32(b, n)
}

// A picture of more pixels than Fix takes is not decoded, and needs no memory.
func TestFixBoundsPixels(t *testing.T) {
	t.Parallel()
	var large bytes.Buffer
	if err := bmp.Encode(&large, noise(300, 200)); err != nil {
		t.Fatal(err)
	}
	for _, b := range [][]byte{large.Bytes(), encodedJPEG(noise(300, 200), 90), encodedPNG(noise(300, 200))} {
		l := media.DefaultLimits()
		l.ThumbBytes, l.ImageBytes = 4000, 4000
		if got := l.FixMemory(b, tasks.Image); got != 12*300*200 {
			t.Errorf("memory %d, want 12 bytes a pixel", got)
		}
		l.FixPixels = 300*200 - 1
		_, _, err := media.Fix(t.Context(), b, tasks.Image, l)
		if tasks.CodeOf(err) != tasks.TooLarge || !strings.Contains(err.Error(), "image is 300 × 200 pixels (60000), --fix takes 59999") || strings.Contains(tasks.AsError(err).Hint, "--fix") {
			t.Errorf("%v, hint %q", err, tasks.AsError(err).Hint)
		}
		if got := l.FixMemory(b, tasks.Image); got != 0 {
			t.Errorf("memory %d for what is refused, want none", got)
		}
	}
	countless := slices.Concat([]byte("II*\x00\x08\x00\x00\x00\x02\x00"), tiffLong(256, math.MaxUint32), tiffLong(257, math.MaxUint32), make([]byte, 4))
	if got := media.DefaultLimits().FixMemory(countless, tasks.Image); got != 0 {
		t.Errorf("memory %d for a header whose pixels can't be counted, want none", got)
	}
	good := encodedJPEG(noise(30, 20), 90)
	if got := media.DefaultLimits().FixMemory(good, tasks.Image); got != 0 {
		t.Errorf("memory %d for what is accepted, want none", got)
	}
	blank := slices.Concat([]byte("\x89PNG\r\n\x1a\n"), pngChunk("IHDR", append(words(6000, 5000), 1, 0, 0, 0, 0)), pngChunk("IDAT", zipped(5000*751)), pngChunk("IEND", nil))
	if got := media.DefaultLimits().FixMemory(blank, tasks.Thumb); got != 0 {
		t.Errorf("memory %d for 30 megapixels, want none: the limit is 25", got)
	}
}

// Fix ends with its context, and what it was about may be tried again.
func TestFixEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, name := range []string{"picture.tiff", "picture.bmp", "picture.webp"} {
		if _, _, err := media.Fix(ctx, sample{name: name}.read(t), tasks.Image, media.DefaultLimits()); tasks.CodeOf(err) != tasks.Temporary {
			t.Errorf("%s: %v, want Temporary", name, err)
		}
	}
	for name, b := range map[string][]byte{"JPEG": encodedJPEG(noise(300, 200), 90), "PNG": encodedPNG(noise(300, 200)), "GIF": encodedGIF(noisyFrame(200))} {
		if _, _, err := media.Fix(ctx, b, tasks.Image, limited(4000)); tasks.CodeOf(err) != tasks.Temporary {
			t.Errorf("%s: %v, want Temporary", name, err)
		}
	}
}

// A picture that lacks its end marker alone gets it, and keeps every byte it has.
func TestFixAddsTheEnd(t *testing.T) {
	t.Parallel()
	for name, whole := range map[string][]byte{"EOI": encodedJPEG(corners(40, 30), 90), "IEND": encodedPNG(corners(40, 30)), "trailer": encodedGIF(noisyFrame(20))} {
		cut := whole[:len(whole)-map[string]int{"EOI": 2, "IEND": 12, "trailer": 1}[name]]
		out, did := fixed(t, cut, tasks.Image, media.DefaultLimits())
		if !bytes.Equal(out, whole) || !strings.HasPrefix(did, "added its ") || !strings.Contains(did, name) {
			t.Errorf("%s: %d bytes of %d, did %q", name, len(out), len(whole), did)
		}
		if _, did := fixed(t, whole, tasks.Image, media.DefaultLimits()); did != "" {
			t.Errorf("%s: did %q to what has its end", name, did)
		}
	}
}

// What decoders in Go stumble over is no obstacle where no pixel hangs on it.
func TestFixTakesWhatIsOdd(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"no-eoi.jpg", "jpg_18_before_e2.jpg", "jpg_rst_no_dri.jpg", "png_bad_crc_itxt.png"} {
		out, _ := fixed(t, sample{name: name}.read(t), tasks.Image, limited(1500))
		if m := decoded(t, out); m.Bounds().Empty() {
			t.Errorf("%s: %v", name, m.Bounds())
		}
	}
}
