package media

import (
	"cmp"
	"strings"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Limits is what WeChat accepts. Bytes, pixels and times at a limit are still accepted. The zero value accepts
// nothing: begin with DefaultLimits.
type Limits struct {
	ImageBytes int64
	VoiceBytes int64
	VideoBytes int64
	ThumbBytes int64

	// VoiceDuration is how long a voice may last, and Tolerance what it may last longer: encoders fill the last
	// frame and add a delay, so that a clip of exactly 60 s comes out with 60.02 to 60.19 s.
	VoiceDuration time.Duration
	Tolerance     time.Duration

	// Pixels is the most that width × height of a picture may be.
	Pixels int64

	// FixPixels is the same for pictures that Fix decodes; 0: 25 million, which is 300 MB of memory (see WithFixMemory).
	FixPixels int64

	// AllowAMRWB takes AMR wide band as voice, AllowQuickTime takes QuickTime as video. WeChat's document names
	// neither, and what its servers do with them is not known.
	AllowAMRWB     bool
	AllowQuickTime bool
}

// DefaultLimits returns the limits of WeChat's document on temporary assets: image 10 MB, voice 2 MB and 60 s, video
// 10 MB, thumb 64 KB. Whether its MB is 10⁶ or 2²⁰ bytes is not known; the larger is taken, since a refusal here is
// certain and one there is not.
//
// Pixels is ours, the document has none: 128 million is more than the 108 million of phone cameras, and half a
// gigabyte for whoever decodes it. A few hundred kilobytes can claim 3.6 billion.
func DefaultLimits() Limits {
	return Limits{
		ImageBytes:    10 << 20,
		VoiceBytes:    2 << 20,
		VideoBytes:    10 << 20,
		ThumbBytes:    64 << 10,
		VoiceDuration: 60 * time.Second,
		Tolerance:     500 * time.Millisecond,
		Pixels:        128_000_000,
	}
}

func (l Limits) fixPixels() int64 { return cmp.Or(l.FixPixels, 25_000_000) }

// WithFixMemory returns the limits of a process in which Fix may take so many bytes for one picture.
func (l Limits) WithFixMemory(bytes int64) Limits {
	l.FixPixels = min(l.fixPixels(), bytes/bytesPerPixel)
	return l
}

// Max returns how many bytes a file of type t may have; 0 for a type that does not exist.
func (l Limits) Max(t tasks.MediaType) int64 {
	switch t {
	case tasks.Image:
		return l.ImageBytes
	case tasks.Voice:
		return l.VoiceBytes
	case tasks.Video:
		return l.VideoBytes
	case tasks.Thumb:
		return l.ThumbBytes
	}
	return 0
}

// takes reports whether a file of kind k can be an upload of type t. Only kinds that are walked are ever taken.
func (l Limits) takes(k kind, t tasks.MediaType) bool {
	switch t {
	case tasks.Image:
		return k == kindJPEG || k == kindPNG || k == kindGIF
	case tasks.Thumb:
		return k == kindJPEG
	case tasks.Voice:
		return k == kindMP3 || k == kindAMR || l.AllowAMRWB && k == kindAMRWB
	case tasks.Video:
		return k == kindMP4 || l.AllowQuickTime && k == kindMOV
	}
	return false
}

// kindRefused returns the Unsupported error for a kind that is not taken as t, or nil.
func (l Limits) kindRefused(k kind, t tasks.MediaType) error {
	if l.takes(k, t) {
		return nil
	}
	p := broken(tasks.RuleKind, k.name, convertRemedy(k, t))
	p.Accepts, p.Type = l.accepts(t), t
	return refusal(tasks.Unsupported, p, "this is %s, WeChat takes %s as %s", k.name, l.taken(t), t)
}

// taken lists the kinds that are taken as t, for people.
func (l Limits) taken(t tasks.MediaType) string {
	switch t {
	case tasks.Image:
		return "JPEG, PNG and GIF"
	case tasks.Thumb:
		return "JPEG"
	case tasks.Voice:
		if l.AllowAMRWB {
			return "MP3, AMR and AMR-WB"
		}
		return "MP3 and AMR"
	case tasks.Video:
		if l.AllowQuickTime {
			return "MP4 and QuickTime"
		}
		return "MP4"
	}
	return "nothing"
}

// accepts is the same list with nothing but commas.
func (l Limits) accepts(t tasks.MediaType) string {
	return strings.ReplaceAll(l.taken(t), " and ", ", ")
}

// refuse returns the error for whole, well-formed content that is over a limit, or nil.
func (l Limits) refuse(c tasks.Content) error {
	if pixels := int64(c.Width) * int64(c.Height); pixels > l.Pixels && isPicture(c.Type) {
		return refusal(tasks.TooLarge, over(tasks.RulePixels, float64(pixels), float64(l.Pixels), pixelRemedy(l, c)), "%s is %d × %d pixels (%s), the limit is %s",
			c.Type, c.Width, c.Height, megapixels(pixels), megapixels(l.Pixels))
	}
	if limit := l.VoiceDuration + l.Tolerance; c.Type == tasks.Voice && c.Duration > limit {
		p := over(tasks.RuleSeconds, c.Duration.Seconds(), l.VoiceDuration.Seconds(), cutRemedy(l, c))
		return refusal(tasks.TooLong, p, "voice is %s, WeChat takes %s", seconds(c.Duration), seconds(l.VoiceDuration))
	}
	return l.refuseSize(c)
}

// refuseSize returns the error for content of too many bytes, or nil.
func (l Limits) refuseSize(c tasks.Content) error {
	limit := l.Max(c.Type)
	if c.Size <= limit {
		return nil
	}
	p := over(tasks.RuleBytes, float64(c.Size), float64(limit), shrinkRemedy(l, c))
	return refusal(tasks.TooLarge, p, "%s has %s (%d bytes), WeChat takes %s (%d bytes)",
		c.Type, size(c.Size), c.Size, size(limit), limit)
}

func isPicture(t tasks.MediaType) bool { return t == tasks.Image || t == tasks.Thumb }
