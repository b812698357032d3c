package media_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
	"github.com/mediaferry/mediaferry/worker/media/mediatest"
)

func TestDefaultLimitsAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	l := media.DefaultLimits()
	got := map[tasks.MediaType]int64{}
	for _, typ := range tasks.MediaTypes {
		got[typ] = l.Max(typ)
	}
	want := map[tasks.MediaType]int64{tasks.Image: 10_485_760, tasks.Voice: 2_097_152, tasks.Video: 10_485_760, tasks.Thumb: 65_536}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bytes (-want +got):\n%s", diff)
	}
	if l.VoiceDuration != time.Minute || l.AllowAMRWB || l.AllowQuickTime {
		t.Errorf("%+v", l)
	}
	if got := l.Max("poster"); got != 0 {
		t.Errorf("a type that does not exist takes %d bytes", got)
	}
}

// A file of exactly the limit is accepted, one byte more is refused with both numbers and a remedy.
func TestByteLimits(t *testing.T) {
	t.Parallel()
	for _, s := range mediatest.Samples() {
		n := int64(len(s.Bytes))
		l := media.DefaultLimits()
		l.ImageBytes, l.VoiceBytes, l.VideoBytes, l.ThumbBytes = n, n, n, n
		if _, err := media.Check(s.Bytes, s.Type, l); err != nil {
			t.Errorf("%s at the limit: %v", s.Name, err)
		}
		l.ImageBytes, l.VoiceBytes, l.VideoBytes, l.ThumbBytes = n-1, n-1, n-1, n-1
		_, err := media.Check(s.Bytes, s.Type, l)
		if tasks.CodeOf(err) != tasks.TooLarge {
			t.Errorf("%s a byte over the limit: %v, want TooLarge", s.Name, err)
		}
	}
}

func TestPixelLimit(t *testing.T) {
	t.Parallel()
	b := encodedPNG(noise(30, 20))
	l := media.DefaultLimits()
	l.Pixels = 600
	if _, err := media.Check(b, tasks.Image, l); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	l.Pixels = 599
	if _, err := media.Check(b, tasks.Image, l); tasks.CodeOf(err) != tasks.TooLarge {
		t.Errorf("a pixel over the limit: %v, want TooLarge", err)
	}
}

// A voice may last the tolerance longer than the limit, and no frame more.
func TestVoiceTolerance(t *testing.T) {
	t.Parallel()
	l := media.DefaultLimits()
	for frames, want := range map[int]string{3000: "ok", 3025: "ok", 3026: "too_long"} {
		_, err := media.Check(repeated("#!AMR\n", "\x04", 13, 6+13*frames), tasks.Voice, l)
		if got := verdict(err); got != want {
			t.Errorf("%d frames of 20 ms: %s, want %s", frames, got, want)
		}
	}
}

// Every text has the measured value, the limit and the remedy.
func TestWhatRefusalsSay(t *testing.T) {
	t.Parallel()
	tight := media.DefaultLimits()
	tight.ImageBytes, tight.VoiceBytes, tight.VideoBytes, tight.Pixels = 2048, 2048, 4096, 5000
	pixels := media.DefaultLimits()
	pixels.Pixels = 5000
	type said struct{ Text, Hint string }
	got := map[string]said{}
	for _, c := range []struct {
		sample string
		typ    tasks.MediaType
		limits media.Limits
	}{
		{"61-seconds.mp3", tasks.Voice, media.DefaultLimits()},
		{"61-seconds.amr", tasks.Voice, media.DefaultLimits()},
		{"full.jpg", tasks.Image, pixels},
		{"picture.webp", tasks.Image, media.DefaultLimits()},
		{"rgb.png", tasks.Thumb, media.DefaultLimits()},
		{"film.mov", tasks.Video, media.DefaultLimits()},
		{"sound.wav", tasks.Voice, media.DefaultLimits()},
		{"sound-only.mp4", tasks.Video, media.DefaultLimits()},
		{"cbr.mp3", tasks.Image, media.DefaultLimits()},
		{"cut.mp4", tasks.Video, media.DefaultLimits()},
	} {
		_, err := media.Check(sample{name: c.sample}.read(t), c.typ, c.limits)
		if err == nil {
			t.Fatalf("%s was accepted", c.sample)
		}
		got[c.sample] = said{err.Error(), tasks.AsError(err).Advice()}
	}
	want := map[string]said{
		"61-seconds.mp3": {"check voice: voice is 61.2 s, WeChat takes 60 s", "ffmpeg -t 60 -i INPUT -c copy OUTPUT.mp3"},
		"61-seconds.amr": {"check voice: voice is 61 s, WeChat takes 60 s", "ffmpeg -t 60 -i INPUT -c copy OUTPUT.amr"},
		"full.jpg": {"check image: image is 96 × 64 pixels (6144), the limit is 5000",
			"ffmpeg -i INPUT -vf scale=85:-1 OUTPUT.jpg"},
		"picture.webp": {"check image: this is WebP, WeChat takes JPEG, PNG and GIF as image", "--fix, or: convert INPUT -delete 1--1 -auto-orient OUTPUT.jpg"},
		"rgb.png": {"check thumb: this is PNG, WeChat takes JPEG as thumb",
			"--fix, or: convert INPUT -delete 1--1 -auto-orient -thumbnail '480x480>' -define jpeg:extent=60KB OUTPUT.jpg"},
		"film.mov":  {"check video: this is QuickTime (MOV), WeChat takes MP4 as video", "ffmpeg -i INPUT -c copy -movflags +faststart OUTPUT.mp4"},
		"sound.wav": {"check voice: this is WAV, WeChat takes MP3 and AMR as voice", "ffmpeg -i INPUT -vn -ac 1 -b:a 64k OUTPUT.mp3"},
		"sound-only.mp4": {"check video: this is MP4 with sound only (AAC), WeChat takes MP4 as video",
			"submit it as voice, after: ffmpeg -i INPUT -vn -ac 1 -b:a 64k OUTPUT.mp3"},
		"cbr.mp3": {"check image: this is MP3, WeChat takes JPEG, PNG and GIF as image", "submit it as voice"},
		"cut.mp4": {"check video: MP4 has no index (moov), as of a recording that was never finished: it is cut off", "export the file again"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The kinds that only a setting takes go out under the extension of the kind they stand in for.
func TestSettingsAllowMore(t *testing.T) {
	t.Parallel()
	l := media.DefaultLimits()
	l.AllowAMRWB, l.AllowQuickTime = true, true
	for name, want := range map[string]tasks.Content{
		"wide.awb": {Type: tasks.Voice, Format: "amr-wb", Ext: ".amr", ContentType: "audio/amr", Size: 909, Duration: time.Second},
		"film.mov": {Type: tasks.Video, Format: "mov", Ext: ".mp4", ContentType: "video/mp4", Width: 96, Height: 64, Duration: time.Second},
	} {
		b := sample{name: name}.read(t)
		want.Size = int64(len(b))
		got, err := media.Check(b, want.Type, l)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// What was found is told also beside a refusal.
func TestRefusedContentIsDescribed(t *testing.T) {
	t.Parallel()
	b := sample{name: "61-seconds.amr"}.read(t)
	got, err := media.Check(b, tasks.Voice, media.DefaultLimits())
	want := tasks.Content{Type: tasks.Voice, Format: "amr", Ext: ".amr", ContentType: "audio/amr", Size: int64(len(b)), Duration: 61 * time.Second}
	if diff := cmp.Diff(want, got); diff != "" || err == nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
