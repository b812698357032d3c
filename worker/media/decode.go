package media

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/draw"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"

	"github.com/mediaferry/mediaferry/tasks"
)

// decoder reads the pixels of one format, and its size without them.
type decoder struct {
	pixels func(io.Reader) (image.Image, error)
	config func(io.Reader) (image.Config, error)
}

var decoders = map[string]decoder{
	"jpeg": {jpeg.Decode, jpeg.DecodeConfig},
	"png":  {png.Decode, png.DecodeConfig},
	"gif":  {gif.Decode, gif.DecodeConfig},
	"webp": {webp.Decode, webp.DecodeConfig},
	"bmp":  {bmp.Decode, bmp.DecodeConfig},
	"tiff": {tiff.Decode, tiff.DecodeConfig},
}

// convertible reports whether pictures of kind k, which WeChat does not take, can be decoded.
func convertible(k kind) bool { return k.format == "webp" || k.format == "bmp" || k.format == "tiff" }

// readHeader reads the size of a picture that has no walker, and whether it is more than one.
func readHeader(b []byte, k kind, c *tasks.Content) error {
	config, err := decoders[k.format].config(bytes.NewReader(b))
	if err != nil {
		return corrupt("read the header of the %s: %w", k.name, err)
	}
	if config.Width < 1 || config.Height < 1 {
		return corrupt("%s declares %d × %d pixels", k.name, config.Width, config.Height)
	}
	c.Width, c.Height = config.Width, config.Height
	switch {
	case k.format == "webp" && webpAnimated(b):
		note(c, "animated")
	case k.format == "tiff":
		if n := tiffPages(b); n > 1 {
			note(c, "several pages: %d", n)
		}
	}
	return nil
}

// picture is decoded pixels with what has to be carried over.
type picture struct {
	image.Image
	orientation int    // EXIF, 1 to 8
	profile     []byte // the ICC segments of a JPEG, as they stand
	transparent bool
}

func decode(ctx context.Context, b []byte, k kind, c tasks.Content) (p picture, err error) {
	defer func() {
		if x := recover(); x != nil { // the decoders are not ours, and the file may be made to break them
			err = corrupt("decode the %s: %v", k.name, x)
		}
	}()
	in := timely{ctx: ctx, in: bytes.NewReader(tidy(b, k))}
	if p.Image, err = decoders[k.format].pixels(in); err != nil {
		return p, decodeError(ctx, k, err)
	}
	p.orientation = orientationOf(b, k)
	if k == kindJPEG && p.ColorModel() != color.CMYKModel { // that one describes inks, and the result has none
		p.profile = profileOf(b)
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

// timely reads and writes until ctx ends.
type timely struct {
	ctx context.Context //nolint:containedctx // an io.Reader has no other way to get it
	in  *bytes.Reader
	out *bytes.Buffer
}

var errNoTime = tasks.Textf("the time is over")

func (t timely) Read(b []byte) (int, error) {
	if t.ctx.Err() != nil {
		return 0, errNoTime
	}
	return t.in.Read(b)
}

// ReadAt is for TIFF, which is read in any order.
func (t timely) ReadAt(b []byte, off int64) (int, error) {
	if t.ctx.Err() != nil {
		return 0, errNoTime
	}
	return t.in.ReadAt(b, off)
}

func (t timely) Write(b []byte) (int, error) {
	if t.ctx.Err() != nil {
		return 0, errNoTime
	}
	return t.out.Write(b)
}

// ended is b, which Check takes, with the end marker that it lacks.
func ended(b []byte) (fixed []byte, did string) {
	c, _, err := examine(b)
	if err != nil {
		return b, ""
	}
	for _, n := range c.Notes {
		switch n {
		case noEOI:
			return tidyJPEG(b), "added its end marker (EOI)"
		case noIEND:
			return appendChunk(bytes.Clone(b), "IEND", nil), "added its end chunk (IEND)"
		case noTrailer:
			if b[len(b)-1] == 0 { // the end of a block
				return append(bytes.Clone(b), gifTrailer), "added its trailer"
			}
		}
	}
	return b, ""
}
