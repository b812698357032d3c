package media_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// The fuzz targets differ in their seeds alone: what leads to which walker is for the first bytes to say.
// Everything must hold for every input: no panic, no hang, and a verdict that does not contradict itself.

func FuzzJPEG(f *testing.F) { fuzz(f, tasks.Image, "*.jpg") }
func FuzzPNG(f *testing.F)  { fuzz(f, tasks.Image, "*.png") }
func FuzzGIF(f *testing.F)  { fuzz(f, tasks.Image, "*.gif") }
func FuzzMP3(f *testing.F)  { fuzz(f, tasks.Voice, "*.mp3") }
func FuzzAMR(f *testing.F)  { fuzz(f, tasks.Voice, "*.a[mw][rb]") }
func FuzzMP4(f *testing.F)  { fuzz(f, tasks.Video, "*.m[po4][4v]") }

// FuzzOther begins with everything else, for the naming of kinds.
func FuzzOther(f *testing.F) { fuzz(f, tasks.Image, "*.[!jpgma]*") }

// seedLimit keeps the seeds small: mutating 60 s of sound finds nothing that one second does not.
const seedLimit = 20 << 10

func fuzz(f *testing.F, typ tasks.MediaType, pattern string) {
	names, err := filepath.Glob(filepath.Join("testdata", "samples", pattern))
	if err != nil || len(names) == 0 {
		f.Fatalf("no seeds for %s: %v", pattern, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) <= seedLimit {
			f.Add(b)
		}
	}
	for _, s := range append(mediatest.Samples(), mediatest.Broken()...) {
		if s.Type == typ && len(s.Bytes) <= seedLimit {
			f.Add(s.Bytes)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) { consistent(t, b, typ) })
}

// consistent checks what holds for every input.
func consistent(t *testing.T, b []byte, typ tasks.MediaType) {
	t.Helper()
	l := media.DefaultLimits()
	l.AllowAMRWB, l.AllowQuickTime = true, true
	found, inspectErr := media.Inspect(b)
	c, err := media.Check(b, typ, l)
	if c.Size != int64(len(b)) && len(b) > 0 {
		t.Errorf("size %d of %d bytes", c.Size, len(b))
	}
	if err != nil {
		switch tasks.CodeOf(err) {
		case tasks.Empty, tasks.Unsupported, tasks.Corrupt, tasks.TooLarge, tasks.TooLong:
		default:
			t.Errorf("a refusal with code %s: %v", tasks.CodeOf(err), err)
		}
		if tasks.AsError(err).Advice() == "" || err.Error() == "" {
			t.Errorf("a refusal without a text or a remedy: %#v", err)
		}
		return
	}
	if inspectErr != nil {
		t.Errorf("Check accepts what Inspect refuses: %v", inspectErr)
	}
	guess, err := media.Guess(b)
	if err != nil || guess != typ || found.Type != guess {
		t.Errorf("accepted as %s, guessed as %s, inspected as %s (%v)", typ, guess, found.Type, err)
	}
	switch {
	case c.Ext == "" || c.ContentType == "" || c.Format == "":
		t.Errorf("accepted without a name: %+v", c)
	case typ == tasks.Image && (c.Width < 1 || c.Height < 1 || int64(c.Width)*int64(c.Height) > l.Pixels):
		t.Errorf("accepted with %d × %d pixels", c.Width, c.Height)
	case typ == tasks.Voice && (c.Duration <= 0 || c.Duration > l.VoiceDuration+l.Tolerance):
		t.Errorf("accepted with %s", c.Duration)
	case c.Duration < 0:
		t.Errorf("a duration of %s", c.Duration)
	}
}
