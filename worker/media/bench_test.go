package media_test

import (
	"testing"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

// BenchmarkCheck walks one good file of about a megabyte of each format.
func BenchmarkCheck(b *testing.B) {
	for _, f := range large(1 << 20) {
		b.Run(f.Name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(f.Bytes)))
			for b.Loop() {
				if _, err := media.Check(f.Bytes, f.Type, roomy()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// The walks allocate a handful of small values whatever the size of the file.
func TestAllocationsDoNotGrowWithTheFile(t *testing.T) {
	const most = 20
	for _, f := range append(large(64<<10), large(1<<20)...) {
		n := testing.AllocsPerRun(20, func() {
			if _, err := media.Check(f.Bytes, f.Type, roomy()); err != nil {
				t.Fatal(f.Name, err)
			}
		})
		if n > most {
			t.Errorf("%s of %d bytes: %g allocations, want at most %d", f.Name, len(f.Bytes), n, most)
		}
	}
}

// roomy are limits that the large files keep.
func roomy() media.Limits {
	l := media.DefaultLimits()
	l.ImageBytes, l.VoiceBytes, l.VideoBytes = 64<<20, 64<<20, 64<<20
	l.VoiceDuration *= 1000
	return l
}

// large makes a file of about n bytes of each format.
func large(n int) []mediatest.Sample {
	return []mediatest.Sample{
		{Name: "jpeg", Type: tasks.Image, Bytes: noisyJPEG(n)},
		{Name: "png", Type: tasks.Image, Bytes: noisyPNG(n)},
		{Name: "gif", Type: tasks.Image, Bytes: noisyGIF(n)},
		{Name: "mp3", Type: tasks.Voice, Bytes: repeated("", "\xff\xfb\x90\xc4", 417, n)},
		{Name: "amr", Type: tasks.Voice, Bytes: repeated("#!AMR\n", "\x3c", 32, n)},
		{Name: "mp4", Type: tasks.Video, Bytes: manyChunks(n)},
	}
}
