package wire

import (
	"context"

	"github.com/mediaferry/mediaferry/config"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

// Limits returns the configured limits of what WeChat takes.
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
	}
}

// checker is package media with its limits, as a worker wants it.
type checker struct{ limits media.Limits }

func (c checker) Fits(t tasks.MediaType, size int64) error { return c.limits.Fits(t, size) }

func (c checker) Check(b []byte, t tasks.MediaType) (tasks.Content, error) {
	return media.Check(b, t, c.limits)
}

// fixer makes pictures fit, one at a time: decoding one takes some hundred megabytes at worst.
type fixer struct {
	limits media.Limits
	turn   chan struct{} // holds one while somebody fixes
}

func newFixer(l media.Limits) *fixer { return &fixer{limits: l, turn: make(chan struct{}, 1)} }

func (f *fixer) Fixable(t tasks.MediaType) int64 { return f.limits.Fixable(t) }

// Fix waits for its turn, and ends with ctx.
func (f *fixer) Fix(ctx context.Context, b []byte, t tasks.MediaType) ([]byte, string, error) {
	select {
	case f.turn <- struct{}{}:
		defer func() { <-f.turn }()
	case <-ctx.Done():
		return nil, "", ctx.Err()
	}
	return media.Fix(ctx, b, t, f.limits)
}
