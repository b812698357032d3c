package media_test

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// limited takes images of so many bytes.
func limited(n int64) media.Limits {
	l := media.DefaultLimits()
	l.ImageBytes = n
	return l
}

// fixed is Fix of a copy of b, which must stay as it was, and whose result must be accepted.
func fixed(t *testing.T, b []byte, typ tasks.MediaType, l media.Limits) ([]byte, string) {
	t.Helper()
	before := bytes.Clone(b)
	out, did, err := media.Fix(t.Context(), b, typ, l)
	if err != nil {
		t.Fatalf("Fix: %v", err)
	}
	if !bytes.Equal(b, before) {
		t.Error("Fix wrote to the bytes it was given")
	}
	if _, err := media.Check(out, typ, l); err != nil {
		t.Errorf("the result is refused: %v", err)
	}
	return out, did
}

func TestFixLeavesWhatIsAccepted(t *testing.T) {
	t.Parallel()
	for _, s := range mediatest.Samples() {
		if out, did := fixed(t, s.Bytes, s.Type, media.DefaultLimits()); did != "" || &out[0] != &s.Bytes[0] {
			t.Errorf("%s: did %q to an accepted file", s.Name, did)
		}
	}
}

// Where a lower quality is enough, the size in pixels stays, and one step of quality more would not have fitted.
func TestFixLowersQualityFirst(t *testing.T) {
	t.Parallel()
	b := encodedJPEG(smooth(600, 400), 100)
	limit := int64(len(encodedJPEG(decoded(t, b), 83)))
	out, did := fixed(t, b, tasks.Image, limited(limit))
	if want := "re-encoded as JPEG q83, "; !strings.HasPrefix(did, want) || strings.Contains(did, "×") {
		t.Errorf("did %q, want %q and no other size", did, want)
	}
	if got := decoded(t, out).Bounds().Size(); got != image.Pt(600, 400) {
		t.Errorf("%v, want 600 × 400", got)
	}
}

// Where it is not, the picture is scaled to the largest that fits.
func TestFixScales(t *testing.T) {
	t.Parallel()
	b := encodedJPEG(noise(400, 300), 100)
	const limit = 20_000
	out, did := fixed(t, b, tasks.Image, limited(limit))
	if len(out) < limit*9/10 {
		t.Errorf("%d bytes, want nearly %d", len(out), limit)
	}
	got := decoded(t, out).Bounds().Size()
	if got.X >= 400 || got.X*3/4 < got.Y-1 || got.X*3/4 > got.Y+1 {
		t.Errorf("%v, want a smaller one of 4:3", got)
	}
	if !strings.Contains(did, "400×300 → ") || !strings.Contains(did, " KiB → ") {
		t.Errorf("did %q, want both sizes, in pixels and bytes", did)
	}
}

// The result stands upright, whatever the camera's orientation was.
func TestFixAppliesTheOrientation(t *testing.T) {
	t.Parallel()
	upright := corners(120, 80)
	for o := 1; o <= 8; o++ {
		b := withEXIF(encodedJPEG(turned(upright, o), 100), o)
		out, _ := fixed(t, b, tasks.Image, limited(int64(len(b)-1)))
		if got, want := cornersOf(decoded(t, out)), cornersOf(upright); got != want {
			t.Errorf("orientation %d: corners %v, want %v", o, got, want)
		}
		if got := decoded(t, out).Bounds().Size(); got != image.Pt(120, 80) {
			t.Errorf("orientation %d: %v, want 120 × 80", o, got)
		}
	}
}

func TestFixKeepsTheColourProfile(t *testing.T) {
	t.Parallel()
	profile := append([]byte("\xff\xe2\x00\x22ICC_PROFILE\x00\x01\x01"), make([]byte, 18)...)
	b := encodedJPEG(smooth(300, 200), 100)
	b = bytes.Join([][]byte{b[:2], profile, b[2:]}, nil)
	out, _ := fixed(t, b, tasks.Image, limited(int64(len(b)/2)))
	if !bytes.Contains(out, profile) {
		t.Error("the colour profile is lost")
	}
}

func TestFixKeepsTransparency(t *testing.T) {
	t.Parallel()
	m := noise(100, 100)
	for i := 3; i < len(m.Pix); i += 8 {
		m.Pix[i] = 0
	}
	out, did := fixed(t, encodedPNG(m), tasks.Image, limited(15_000))
	got, err := png.Decode(bytes.NewReader(out))
	if err != nil {
		t.Fatalf("did %q: %v", did, err)
	}
	if got.(interface{ Opaque() bool }).Opaque() {
		t.Error("the transparency is lost")
	}
}

// Any still image that is accepted becomes a thumb, transparent parts white.
func TestFixMakesThumbs(t *testing.T) {
	t.Parallel()
	for _, s := range truth(t) {
		if s.verdict != "ok" || s.typ != tasks.Image || isAnimated(t, s) {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			fixed(t, s.read(t), tasks.Thumb, media.DefaultLimits())
		})
	}
	out, did := fixed(t, encodedJPEG(noise(800, 600), 95), tasks.Thumb, media.DefaultLimits())
	if len(out) < 60<<10 {
		t.Errorf("%d bytes of 65536 used: %s", len(out), did)
	}
	glass := image.NewNRGBA(image.Rect(0, 0, 8, 8))
	out, _ = fixed(t, encodedPNG(glass), tasks.Thumb, media.DefaultLimits())
	if r, _, _, _ := decoded(t, out).At(4, 4).RGBA(); r < 0xf000 {
		t.Errorf("what was transparent has red %x, want white", r)
	}
}

// A profile that is larger than the picture may be is not kept.
func TestFixDropsAnEnormousProfile(t *testing.T) {
	t.Parallel()
	profile := append([]byte("\xff\xe2\xff\xffICC_PROFILE\x00\x01\x01"), make([]byte, 0xffff-16)...)
	b := encodedJPEG(smooth(300, 200), 90)
	b = bytes.Join([][]byte{b[:2], profile, b[2:]}, nil)
	if out, _ := fixed(t, b, tasks.Thumb, media.DefaultLimits()); bytes.Contains(out, []byte("ICC_PROFILE")) {
		t.Error("the profile is kept")
	}
}

// The frame of a GIF keeps its place on the screen.
func TestFixPutsAFrameInItsPlace(t *testing.T) {
	t.Parallel()
	m := image.NewPaletted(image.Rect(20, 10, 40, 30), color.Palette{color.Black})
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{m}, Delay: []int{0}, Config: image.Config{Width: 60, Height: 40}}); err != nil {
		t.Fatal(err)
	}
	out, _ := fixed(t, b.Bytes(), tasks.Thumb, media.DefaultLimits())
	got := decoded(t, out)
	inside, _, _, _ := got.At(30, 20).RGBA()
	outside, _, _, _ := got.At(50, 35).RGBA()
	if got.Bounds().Size() != image.Pt(60, 40) || inside > 0x1000 || outside < 0xf000 {
		t.Errorf("%v, red %x within and %x around, want 60 × 40, black on white", got.Bounds().Size(), inside, outside)
	}
}

// A JPEG that asks for passes over its pixels without end is not decoded.
func TestFixBoundsScans(t *testing.T) {
	t.Parallel()
	b := encodedJPEG(smooth(40, 30), 90)
	sos := bytes.Index(b, []byte{0xff, 0xda})
	scan, end := b[sos:len(b)-2], b[len(b)-2:]
	b = bytes.Join([][]byte{b[:sos], bytes.Repeat(scan, 201), end}, nil)
	_, _, err := media.Fix(t.Context(), b, tasks.Image, limited(1000))
	if tasks.CodeOf(err) != tasks.Corrupt || !strings.Contains(err.Error(), "201 scans") {
		t.Errorf("%v, want Corrupt with 201 scans", err)
	}
}

func TestFixRefuses(t *testing.T) {
	t.Parallel()
	tight := limited(200)
	tight.VoiceBytes, tight.VideoBytes = 1000, 1000
	for _, c := range []struct {
		sample string
		typ    tasks.MediaType
		limits media.Limits
		code   tasks.Code
		hint   string
	}{
		{"animated.gif", tasks.Image, tight, tasks.TooLarge, "convert INPUT -coalesce"},
		{"animated.png", tasks.Image, tight, tasks.TooLarge, "-f apng"},
		{"animated.gif", tasks.Thumb, media.DefaultLimits(), tasks.Unsupported, "take one frame: convert"},
		{"bomb.png", tasks.Image, media.DefaultLimits(), tasks.TooLarge, "ffmpeg"},
		{"bomb.png", tasks.Thumb, media.DefaultLimits(), tasks.TooLarge, "ffmpeg"},
		{"picture.jp2", tasks.Image, tight, tasks.Unsupported, "convert"},
		{"damaged.png", tasks.Thumb, media.DefaultLimits(), tasks.Corrupt, ""},
		{"empty.jpg", tasks.Image, tight, tasks.Empty, ""},
		{"cbr.mp3", tasks.Voice, tight, tasks.TooLarge, "ffmpeg"},
		{"61-seconds.mp3", tasks.Voice, media.DefaultLimits(), tasks.TooLong, "ffmpeg -t 60"},
		{"sound.wav", tasks.Voice, media.DefaultLimits(), tasks.Unsupported, "ffmpeg"},
		{"h264.mp4", tasks.Video, tight, tasks.TooLarge, "ffmpeg"},
		{"cbr.mp3", tasks.Thumb, media.DefaultLimits(), tasks.Unsupported, "submit it as voice"},
	} {
		out, did, err := media.Fix(t.Context(), sample{name: c.sample}.read(t), c.typ, c.limits)
		if tasks.CodeOf(err) != c.code || out != nil || did != "" {
			t.Errorf("%s as %s: %v, want %s", c.sample, c.typ, err, c.code)
			continue
		}
		if e := tasks.AsError(err); !strings.Contains(e.Hint, c.hint) || e.Op != "fix "+string(c.typ) {
			t.Errorf("%s as %s: op %q, hint %q, want one with %q", c.sample, c.typ, e.Op, e.Hint, c.hint)
		}
	}
}

func decoded(t *testing.T, b []byte) image.Image {
	t.Helper()
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// smooth is a picture as a camera takes it: it compresses, and better at a lower quality.
func smooth(width, height int) *image.NRGBA {
	m := noise(width, height)
	for i := range m.Pix {
		if i%4 != 3 {
			x, y := i/4%width, i/4/width
			m.Pix[i] = uint8(100*x/width) + uint8(100*y/height) + m.Pix[i]%32
		}
	}
	return m
}

// corners is a picture with a colour of its own in each quarter.
func corners(width, height int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			c := color.NRGBA{A: 255}
			if x < width/2 {
				c.R = 255
			}
			if y < height/2 {
				c.G = 255
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

// cornersOf reads the quarters from the top left in the order of reading: red and green, each high or low.
func cornersOf(m image.Image) (all [4][2]bool) {
	b := m.Bounds()
	for i := range all {
		r, g, _, _ := m.At(b.Dx()/4+i%2*b.Dx()/2, b.Dy()/4+i/2*b.Dy()/2).RGBA()
		all[i] = [2]bool{r > 0x8000, g > 0x8000}
	}
	return all
}

// turned is how a camera stores m with an EXIF orientation (CIPA DC-008, 4.6.4: where row 0 and column 0 are).
func turned(m *image.NRGBA, o int) *image.NRGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	out := image.NewNRGBA(image.Rect(0, 0, w, h))
	if o >= 5 {
		out = image.NewNRGBA(image.Rect(0, 0, h, w))
	}
	for y := range h {
		for x := range w {
			// Row 0 is the top (1, 2), bottom (3, 4), left (5, 8) or right side (6, 7); column 0 likewise.
			row, column := y, x
			switch o {
			case 2:
				column = w - 1 - x
			case 3:
				row, column = h-1-y, w-1-x
			case 4:
				row = h - 1 - y
			case 5:
				row, column = x, y
			case 6:
				row, column = w-1-x, y
			case 7:
				row, column = w-1-x, h-1-y
			case 8:
				row, column = x, h-1-y
			}
			out.SetNRGBA(column, row, m.NRGBAAt(x, y))
		}
	}
	return out
}

// withEXIF puts a segment with an orientation behind the start of a JPEG.
func withEXIF(b []byte, o int) []byte {
	exif := append([]byte("\xff\xe1\x00\x22Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), byte(o))
	return bytes.Join([][]byte{b[:2], exif, make([]byte, 6), b[2:]}, nil)
}

func isAnimated(t *testing.T, s sample) bool {
	t.Helper()
	c, _ := media.Inspect(s.read(t))
	return slices.ContainsFunc(c.Notes, func(n string) bool { return strings.HasPrefix(n, "animated") })
}
