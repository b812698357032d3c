package media

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"strings"

	"golang.org/x/image/draw"

	"github.com/mediaferry/mediaferry/tasks"
)

// Fix makes of b a file that Check takes as t, and says in did what was done. A file that Check takes already comes
// back as it is, with an empty did; b itself is never written to.
//
// An image over its limit of bytes becomes a JPEG of lower quality or, with transparency, a smaller PNG; only what
// still does not fit is scaled down. Any JPEG, PNG or GIF becomes a thumb. The orientation in EXIF is applied, a JPEG
// keeps its colour profile, other metadata is dropped.
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
		err = fixable(c, k, t, l, refused)
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

// fixable refuses what must not or cannot be decoded.
func fixable(c tasks.Content, k kind, t tasks.MediaType, l Limits, refused error) error {
	if !l.takes(k, tasks.Image) {
		return refused
	}
	if int64(c.Width)*int64(c.Height) > l.Pixels {
		return l.refuse(c)
	}
	for _, n := range c.Notes {
		if !strings.HasPrefix(n, "animated") {
			continue
		}
		if t == tasks.Thumb {
			return refusal(tasks.Unsupported, "take one frame: convert INPUT[0] -thumbnail '480x480>' -define jpeg:extent=60KB OUTPUT.jpg",
				"this %s is %s, and which frame is meant is not known", k.name, n)
		}
		return refusal(tasks.TooLarge, shrinkRemedy(l, c), "this %s is %s with %s, WeChat takes %s", k.name, n, size(c.Size), size(l.Max(t)))
	}
	return nil
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
	var err error
	switch k.format {
	case "jpeg":
		p.Image, err = jpeg.Decode(bytes.NewReader(b))
		p.orientation = orientationOf(b)
		p.profile = profileOf(b)
	case "png":
		p.Image, err = png.Decode(bytes.NewReader(b))
	default:
		p.Image, err = gif.Decode(bytes.NewReader(b))
	}
	if err != nil {
		return p, corrupt("decode the %s: %w", k.name, err)
	}
	if size := p.Bounds().Size(); size != image.Pt(c.Width, c.Height) && k.format != "gif" {
		return p, corrupt("the %s decodes to %d × %d pixels, its header says %d × %d", k.name, size.X, size.Y, c.Width, c.Height)
	}
	if p.ColorModel() == color.CMYKModel {
		p.profile = nil // it describes inks, and the result has none
	}
	opaque, ok := p.Image.(interface{ Opaque() bool })
	p.transparent = ok && !opaque.Opaque()
	return p, nil
}

// Qualities of JPEG that are tried. Above 95 files grow and nobody sees why; below 70 a smaller picture looks better.
const (
	bestQuality  = 95
	worstQuality = 70
)

// fit encodes p into at most limit bytes: the best quality at full size, or else the largest size.
func (p picture) fit(limit int64, t tasks.MediaType) (fixed []byte, how string, err error) {
	if p.transparent && t == tasks.Image {
		return p.fitPNG(limit)
	}
	side := p.side()
	if b, err := p.encodeJPEG(side, worstQuality); err != nil {
		return nil, "", err
	} else if int64(len(b)) > limit {
		side, err = largest(1, side-1, func(side int) (bool, error) {
			b, err := p.encodeJPEG(side, worstQuality)
			return int64(len(b)) <= limit, err
		})
		if err != nil {
			return nil, "", err
		}
	}
	scaled := p.scaled(side)
	quality, err := largest(worstQuality, bestQuality, func(quality int) (bool, error) {
		b, err := encodeJPEG(scaled, quality, p.profile)
		return int64(len(b)) <= limit, err
	})
	if err != nil {
		return nil, "", err
	}
	fixed, err = encodeJPEG(scaled, quality, p.profile)
	return fixed, fmt.Sprintf("JPEG q%d", quality), err
}

// fitPNG keeps transparency, which JPEG has not.
func (p picture) fitPNG(limit int64) (fixed []byte, how string, err error) {
	side, err := largest(1, p.side(), func(side int) (bool, error) {
		b, err := encodePNG(p.scaled(side))
		return int64(len(b)) <= limit, err
	})
	if err != nil {
		return nil, "", err
	}
	fixed, err = encodePNG(p.scaled(side))
	return fixed, "PNG", err
}

// largest finds the largest n of lo to hi that fits, by halving.
func largest(lo, hi int, fits func(int) (bool, error)) (int, error) {
	best := -1
	for lo <= hi {
		mid := lo + (hi-lo+1)/2
		ok, err := fits(mid)
		if err != nil {
			return 0, err
		}
		if ok {
			best, lo = mid, mid+1
		} else {
			hi = mid - 1
		}
	}
	if best < 0 {
		return 0, refusal(tasks.TooLarge, "", "not even a single pixel of it fits the limit")
	}
	return best, nil
}

// side is the longer side.
func (p picture) side() int { return max(p.Bounds().Dx(), p.Bounds().Dy()) }

// scaled is p the right way up, with its longer side scaled to side and what shows through made white for JPEG.
func (p picture) scaled(side int) image.Image {
	src := p.Image
	from := src.Bounds()
	if side < p.side() {
		to := image.Rect(0, 0, max(1, from.Dx()*side/p.side()), max(1, from.Dy()*side/p.side()))
		dst := image.NewNRGBA(to)
		draw.CatmullRom.Scale(dst, to, src, from, draw.Src, nil)
		src = dst
	}
	return upright(src, p.orientation)
}

func (p picture) encodeJPEG(side, quality int) ([]byte, error) {
	return encodeJPEG(p.scaled(side), quality, p.profile)
}

// encodeJPEG puts the profile, whole segments, right behind the start marker.
func encodeJPEG(m image.Image, quality int, profile []byte) ([]byte, error) {
	if o, ok := m.(interface{ Opaque() bool }); ok && !o.Opaque() {
		flat := image.NewRGBA(m.Bounds())
		draw.Draw(flat, flat.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(flat, flat.Bounds(), m, m.Bounds().Min, draw.Over)
		m = flat
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, encodeError(err)
	}
	if len(profile) == 0 {
		return out.Bytes(), nil
	}
	b := out.Bytes()
	return bytes.Join([][]byte{b[:2], profile, b[2:]}, nil), nil
}

func encodePNG(m image.Image) ([]byte, error) {
	var out bytes.Buffer
	if err := png.Encode(&out, m); err != nil {
		return nil, encodeError(err)
	}
	return out.Bytes(), nil
}

func encodeError(err error) error {
	return &tasks.Error{Code: tasks.Internal, Err: errors.Join(errors.New("encode the picture"), err)}
}
