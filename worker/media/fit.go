package media

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"math"

	"golang.org/x/image/draw"

	"github.com/mediaferry/mediaferry/tasks"
)

// Qualities of JPEG that are tried. Above 95 files grow and nobody sees why; below 70 a smaller picture looks better.
const (
	bestQuality  = 95
	worstQuality = 70
)

// fit encodes p into at most limit bytes: the best quality at full size, or else the largest size.
func (p picture) fit(ctx context.Context, limit int64, t tasks.MediaType) (fixed []byte, how string, err error) {
	if int64(len(p.profile)) > limit/8 {
		p.profile = nil // a profile for printing would leave no room for the picture
	}
	p.Image = upright(p.Image, p.orientation)
	if p.transparent && t == tasks.Image {
		p, err = p.shrunk(limit, func(p picture) ([]byte, error) { return p.png(ctx) })
		if err != nil {
			return nil, "", err
		}
		fixed, err = p.png(ctx)
		return fixed, "PNG", err
	}
	p, err = p.shrunk(limit, func(p picture) ([]byte, error) { return p.jpeg(ctx, worstQuality) })
	if err != nil {
		return nil, "", err
	}
	quality, err := largest(worstQuality, bestQuality, func(quality int) (bool, error) {
		b, err := p.jpeg(ctx, quality)
		return int64(len(b)) <= limit, err
	})
	if err != nil {
		return nil, "", err
	}
	fixed, err = p.jpeg(ctx, quality)
	return fixed, fmt.Sprintf("JPEG q%d", quality), err
}

// shrunk is p at the largest size at which encode gives at most limit bytes: p itself, if that fits. Bytes follow the
// area, so a first guess, a little too large, comes near; only pictures smaller than that are tried one by one.
func (p picture) shrunk(limit int64, encode func(picture) ([]byte, error)) (picture, error) {
	for {
		b, err := encode(p)
		if err != nil || int64(len(b)) <= limit {
			return p, err
		}
		guess := int(1.2 * float64(p.side()) * math.Sqrt(float64(limit)/float64(len(b))))
		if guess >= p.side()*9/10 {
			break
		}
		p = p.scaled(max(1, guess))
	}
	side, err := largest(1, p.side()-1, func(side int) (bool, error) {
		b, err := encode(p.scaled(side))
		return int64(len(b)) <= limit, err
	})
	return p.scaled(side), err
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
		return 0, refusal(tasks.TooLarge, tasks.Params{}, "not even a single pixel of it fits the limit")
	}
	return best, nil
}

// side is the longer side.
func (p picture) side() int { return max(p.Bounds().Dx(), p.Bounds().Dy()) }

// scaled is p with its longer side scaled down to side.
func (p picture) scaled(side int) picture {
	from := p.Bounds()
	to := image.Rect(0, 0, max(1, from.Dx()*side/p.side()), max(1, from.Dy()*side/p.side()))
	dst := image.NewRGBA(to)
	draw.CatmullRom.Scale(dst, to, p.Image, from, draw.Src, nil)
	p.Image = dst
	return p
}

// jpeg encodes p with what shows through made white, and the profile right behind the start marker.
func (p picture) jpeg(ctx context.Context, quality int) ([]byte, error) {
	m := p.Image
	if p.transparent {
		flat := image.NewRGBA(m.Bounds())
		draw.Draw(flat, flat.Bounds(), image.White, image.Point{}, draw.Src)
		draw.Draw(flat, flat.Bounds(), m, m.Bounds().Min, draw.Over)
		m = flat
	}
	var out bytes.Buffer
	if err := jpeg.Encode(timely{ctx: ctx, out: &out}, m, &jpeg.Options{Quality: quality}); err != nil {
		return nil, encodeError(ctx, err)
	}
	if len(p.profile) == 0 {
		return out.Bytes(), nil
	}
	b := out.Bytes()
	return bytes.Join([][]byte{b[:2], p.profile, b[2:]}, nil), nil
}

func (p picture) png(ctx context.Context) ([]byte, error) {
	var out bytes.Buffer
	if err := png.Encode(timely{ctx: ctx, out: &out}, p.Image); err != nil {
		return nil, encodeError(ctx, err)
	}
	return out.Bytes(), nil
}
