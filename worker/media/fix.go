package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/mediaferry/mediaferry/tasks"
)

// Fix makes of b a file that Check takes as t, and says in did what was done. A file that Check takes already comes
// back as it is, with an empty did, or with the end marker that it lacks; b itself is never written to.
//
// An image over its limit of bytes becomes a JPEG of lower quality or, with transparency, a smaller PNG; only what
// still does not fit is scaled down. WebP, BMP and TIFF become a JPEG or, with transparency, a PNG. Any of them, and any
// JPEG, PNG or GIF, becomes a thumb. The orientation that EXIF asks for is applied, and the colour profile of a JPEG
// kept; other metadata is dropped.
//
// Everything else keeps Check's refusal, whose Hint is the command to run: other kinds, damaged files, pictures of
// more than Limits.FixPixels (which are not decoded), voice and video. An animation, and a TIFF of several pages, are
// refused rather than reduced to one. Limits.FixMemory says how much memory it takes. Where ctx ends first, so does Fix,
// with its error.
func Fix(ctx context.Context, b []byte, t tasks.MediaType, l Limits) (fixed []byte, did string, err error) {
	op := "fix " + string(t)
	if c := l.declared(b, t); c.Width > 0 && l.tooManyToFix(c) {
		return nil, "", named(refuseToFix(l, c), op)
	}
	_, refused := Check(b, t, l)
	if refused == nil {
		fixed, did = ended(b)
		return fixed, did, nil
	}
	c, k, err := fixable(b, t, l, refused)
	if err != nil {
		return nil, "", named(err, op)
	}
	p, err := decode(ctx, b, k, c)
	if err != nil {
		return nil, "", named(err, op)
	}
	fixed, how, err := p.fit(ctx, l.Max(t), t)
	if err != nil {
		return nil, "", named(err, op)
	}
	after, err := Check(fixed, t, l)
	if err != nil {
		return nil, "", &tasks.Error{Code: tasks.Internal, Op: op, Err: tasks.Textf("the result is refused: %w", err)}
	}
	return fixed, describe(how, c, after), nil
}

// FixDecodes reports whether Fix has to decode a file of so many bytes that begins with head to make it fit as t. A few
// kilobytes of it are enough. It is false for some odd files that are decoded all the same.
func (l Limits) FixDecodes(head []byte, bytes int64, t tasks.MediaType) bool {
	if len(head) == 0 || !isPicture(t) {
		return false
	}
	k := sniff(head)
	return (l.takes(k, tasks.Image) || convertible(k)) && (bytes > l.Max(t) || !l.takes(k, t))
}

// FixMemory is how much memory Fix takes for b as an upload of type t, beside b itself, in bytes: 12 for each pixel (up
// to 8 to decode it, and 4 to scale), or 0 where nothing is decoded. It goes by the header of b, and looks no further.
func (l Limits) FixMemory(b []byte, t tasks.MediaType) int64 {
	c := l.declared(b, t)
	if l.tooManyToFix(c) {
		return 0
	}
	return bytesPerPixel * pixels(c)
}

// bytesPerPixel is what Fix takes for one.
const bytesPerPixel = 12

// declared is the size in pixels that the header of b declares, where Fix would have to decode it; else 0 × 0.
func (l Limits) declared(b []byte, t tasks.MediaType) tasks.Content {
	c := tasks.Content{Type: t, Size: int64(len(b))}
	if !l.FixDecodes(b, c.Size, t) {
		return c
	}
	if config, err := decoders[sniff(b).format].config(bytes.NewReader(b)); err == nil {
		c.Width, c.Height = config.Width, config.Height
	}
	return c
}

func pixels(c tasks.Content) int64 {
	if c.Width > math.MaxInt32 || c.Height > math.MaxInt32 { // a header may declare so many that they can't be counted
		return math.MaxInt64
	}
	return int64(c.Width) * int64(c.Height)
}

func (l Limits) tooManyToFix(c tasks.Content) bool { return pixels(c) > min(l.Pixels, l.fixPixels()) }

// maxScans is how many passes over its pixels a JPEG may ask for. Progressive encoders make about ten; a file of a few
// megabytes could ask for a hundred thousand, and keep the decoder busy for hours.
const maxScans = 200

// fixable looks at b, which Check refused, and refuses what must not or cannot be decoded.
func fixable(b []byte, t tasks.MediaType, l Limits, refused error) (tasks.Content, kind, error) {
	c, k, err := examine(b)
	c.Type = t
	if err == nil && !isPicture(t) {
		err = refused
	}
	if err == nil && !l.takes(k, tasks.Image) {
		if !convertible(k) {
			return c, k, refused
		}
		err = readHeader(b, k, &c)
	}
	if err != nil {
		return c, k, err
	}
	if l.tooManyToFix(c) {
		return c, k, refuseToFix(l, c)
	}
	if scans := jpegScans(b, k); scans > maxScans {
		return c, k, corrupt("JPEG has %d scans, which no encoder makes: at most %d are decoded", scans, maxScans)
	}
	n := animation(c)
	switch {
	case n == "":
		return c, k, nil
	case t == tasks.Thumb:
		return c, k, refusal(tasks.Unsupported, broken(tasks.RuleOneFrame, k.name, takeFrame(toThumb)), "this %s is %s, and which frame is meant is not known", k.name, n)
	case !l.takes(k, tasks.Image):
		return c, k, refusal(tasks.Unsupported, broken(tasks.RuleOneFrame, k.name, takeFrame(toJPEG)), "this %s is %s, and which frame is meant is not known", k.name, n)
	}
	p := over(tasks.RuleAnimation, float64(c.Size), float64(l.Max(t)), broken(tasks.RuleAnimation, k.name, shrinkRemedy(l, c)))
	return c, k, refusal(tasks.TooLarge, p, "this %s is %s with %s, WeChat takes %s", k.name, n, size(c.Size), size(l.Max(t)))
}

// refuseToFix is the refusal of a picture whose pixels would take too much memory.
func refuseToFix(l Limits, c tasks.Content) error {
	if pixels(c) > l.Pixels {
		return l.refuse(c)
	}
	remedy := run(toJPEG)
	if c.Type == tasks.Thumb {
		remedy = run(toThumb)
	} else if c.Size > l.ImageBytes {
		remedy = shrinkRemedy(l, c)
	}
	return refusal(tasks.TooLarge, over(tasks.RuleFixPixels, float64(pixels(c)), float64(l.fixPixels()), remedy), "%s is %d × %d pixels (%s), --fix takes %s", c.Type, c.Width, c.Height, megapixels(pixels(c)), megapixels(l.fixPixels()))
}

func describe(how string, before, after tasks.Content) string {
	did := "re-encoded as " + how
	if before.Width != after.Width || before.Height != after.Height {
		did += fmt.Sprintf(", %d×%d → %d×%d", before.Width, before.Height, after.Width, after.Height)
	}
	return did + fmt.Sprintf(", %s → %s", size(before.Size), size(after.Size))
}

// decodeError is the error of a decoder, or of the ctx under which it read.
func decodeError(ctx context.Context, k kind, err error) error {
	if ctx.Err() != nil {
		return fixEnded(ctx)
	}
	return corrupt("decode the %s: %w", k.name, err)
}

// fixEnded says that there was no time: it may be had later.
func fixEnded(ctx context.Context) error {
	return &tasks.Error{Code: tasks.Temporary, Err: tasks.Textf("make it fit: %w", context.Cause(ctx))}
}

func encodeError(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fixEnded(ctx)
	}
	return &tasks.Error{Code: tasks.Internal, Err: errors.Join(errors.New("encode the picture"), err)}
}
