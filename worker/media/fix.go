package media

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"

	"github.com/mediaferry/mediaferry/tasks"
)

// Fix makes of b a file that Check takes as t, and says in did what was done. A file that Check takes already comes
// back as it is, with an empty did; b itself is never written to.
//
// An image over its limit of bytes becomes a JPEG of lower quality or, with transparency, a smaller PNG; only what
// still does not fit is scaled down. Any JPEG, PNG or GIF becomes a thumb. The orientation in a JPEG's EXIF is applied
// and its colour profile kept; other metadata is dropped.
//
// Everything else keeps Check's refusal, whose Hint is the command to run: other kinds, damaged files, pictures of
// more than Limits.Pixels (which are not decoded), voice and video. An animation is refused rather than flattened.
// Decoding takes up to 8 bytes of memory a pixel, and scaling 4 more.
func Fix(b []byte, t tasks.MediaType, l Limits) (fixed []byte, did string, err error) {
	_, refused := Check(b, t, l)
	if refused == nil {
		return b, "", nil
	}
	op := "fix " + string(t)
	if !isPicture(t) {
		return nil, "", named(refused, op)
	}
	c, k, err := examine(b)
	c.Type = t
	if err == nil {
		err = fixable(b, c, k, t, l, refused)
	}
	if err != nil {
		return nil, "", named(err, op)
	}
	p, err := decode(b, k, c)
	if err != nil {
		return nil, "", named(err, op)
	}
	fixed, how, err := p.fit(l.Max(t), t)
	if err != nil {
		return nil, "", named(err, op)
	}
	after, err := Check(fixed, t, l)
	if err != nil {
		return nil, "", &tasks.Error{Code: tasks.Internal, Op: op, Err: fmt.Errorf("the result is refused: %w", err)}
	}
	return fixed, describe(how, c, after), nil
}

// maxScans is how many passes over its pixels a JPEG may ask for. Progressive encoders make about ten; a file of a few
// megabytes could ask for a hundred thousand, and keep the decoder busy for hours.
const maxScans = 200

// fixable refuses what must not or cannot be decoded.
func fixable(b []byte, c tasks.Content, k kind, t tasks.MediaType, l Limits, refused error) error {
	if !l.takes(k, tasks.Image) {
		return refused
	}
	if int64(c.Width)*int64(c.Height) > l.Pixels {
		return l.refuse(c)
	}
	if scans := jpegScans(b, k); scans > maxScans {
		return corrupt("JPEG has %d scans, which no encoder makes: at most %d are decoded", scans, maxScans)
	}
	n := animation(c)
	switch {
	case n == "":
		return nil
	case t == tasks.Thumb:
		return refusal(tasks.Unsupported, "take one frame: "+toThumb,
			"this %s is %s, and which frame is meant is not known", k.name, n)
	}
	return refusal(tasks.TooLarge, shrinkRemedy(l, c), "this %s is %s with %s, WeChat takes %s", k.name, n, size(c.Size), size(l.Max(t)))
}

func describe(how string, before, after tasks.Content) string {
	did := "re-encoded as " + how
	if before.Width != after.Width || before.Height != after.Height {
		did += fmt.Sprintf(", %d×%d → %d×%d", before.Width, before.Height, after.Width, after.Height)
	}
	return did + fmt.Sprintf(", %s → %s", size(before.Size), size(after.Size))
}

// picture is decoded pixels with what has to be carried over.
type picture struct {
	image.Image
	orientation int    // EXIF, 1 to 8
	profile     []byte // the ICC segments of a JPEG, as they stand
	transparent bool
}

func decode(b []byte, k kind, c tasks.Content) (picture, error) {
	p := picture{orientation: 1}
	tidied := bytes.NewReader(tidy(b, k))
	var err error
	switch k.format {
	case "jpeg":
		p.Image, err = jpeg.Decode(tidied)
		p.orientation = orientationOf(b)
		p.profile = profileOf(b)
	case "png":
		p.Image, err = png.Decode(tidied)
	default:
		p.Image, err = gif.Decode(tidied)
	}
	if err != nil {
		return p, corrupt("decode the %s: %w", k.name, err)
	}
	if p.ColorModel() == color.CMYKModel {
		p.profile = nil // it describes inks, and the result has none
	}
	p.Image = onScreen(p.Image, image.Rect(0, 0, c.Width, c.Height))
	opaque, ok := p.Image.(interface{ Opaque() bool })
	p.transparent = ok && !opaque.Opaque()
	return p, nil
}

// onScreen is m in its place on the given screen: the only frame of a GIF may be a part of it.
func onScreen(m image.Image, screen image.Rectangle) image.Image {
	if m.Bounds() == screen {
		return m
	}
	whole := image.NewRGBA(screen)
	draw.Draw(whole, m.Bounds(), m, m.Bounds().Min, draw.Src)
	return whole
}
