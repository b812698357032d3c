package wire

import (
	"context"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// Limits returns the configured limits of what WeChat takes, and of what may be decoded to make it fit.
func Limits(c config.Config) media.Limits {
	return media.Limits{
		ImageBytes:     int64(c.Limits.Image),
		VoiceBytes:     int64(c.Limits.Voice),
		VideoBytes:     int64(c.Limits.Video),
		ThumbBytes:     int64(c.Limits.Thumb),
		VoiceDuration:  c.Limits.VoiceLength,
		Tolerance:      c.Limits.VoiceTolerance,
		Pixels:         int64(c.Limits.ImagePixels),
		AllowAMRWB:     c.Limits.AMRWB,
		AllowQuickTime: c.Limits.QuickTime,
	}.WithFixMemory(int64(c.Worker.Memory))
}

// checker is package media with its limits, as a worker wants it.
type checker struct{ limits media.Limits }

func (c checker) Fits(t tasks.MediaType, size int64) error { return c.limits.Fits(t, size) }

func (c checker) Check(b []byte, t tasks.MediaType) (tasks.Content, error) {
	return media.Check(b, t, c.limits)
}

// fixer is Fix of package media, as a worker wants it.
type fixer struct{ limits media.Limits }

func (f fixer) Fixable(t tasks.MediaType) int64 { return f.limits.Fixable(t) }

func (f fixer) Decodes(head []byte, bytes int64, t tasks.MediaType) bool {
	return f.limits.FixDecodes(head, bytes, t)
}

func (f fixer) Memory(b []byte, t tasks.MediaType) int64 { return f.limits.FixMemory(b, t) }

func (f fixer) Fix(ctx context.Context, b []byte, t tasks.MediaType) ([]byte, string, error) {
	return media.Fix(ctx, b, t, f.limits)
}
