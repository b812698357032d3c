package media_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/media"
)

func TestEmptyFileIsRefused(t *testing.T) {
	t.Parallel()
	for _, typ := range tasks.MediaTypes {
		if _, err := media.Check(nil, typ, media.DefaultLimits()); tasks.CodeOf(err) != tasks.Empty {
			t.Errorf("Check of no bytes as %s: %v, want Empty", typ, err)
		}
	}
	if _, err := media.Guess(nil); tasks.CodeOf(err) != tasks.Empty {
		t.Errorf("Guess of no bytes: %v, want Empty", err)
	}
	if _, err := media.Inspect(nil); tasks.CodeOf(err) != tasks.Empty {
		t.Errorf("Inspect of no bytes: %v, want Empty", err)
	}
}

// Inspect calls things what they are, also what WeChat does not take.
func TestInspect(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]tasks.Content{
		"tail.jpg": {Type: tasks.Image, Format: "jpeg", Ext: ".jpg", ContentType: "image/jpeg", Width: 96, Height: 64,
			Notes: []string{"12 bytes after the end"}},
		"rgb.png":        {Type: tasks.Image, Format: "png", Ext: ".png", ContentType: "image/png", Width: 96, Height: 64},
		"still.gif":      {Type: tasks.Image, Format: "gif", Ext: ".gif", ContentType: "image/gif", Width: 96, Height: 64},
		"webp-named.jpg": {Type: tasks.Image, Format: "webp", Ext: ".webp", ContentType: "image/webp"},
		"rate48.mp3":     {Type: tasks.Voice, Format: "mp3", Ext: ".mp3", ContentType: "audio/mpeg", Duration: 43 * 24 * time.Millisecond},
		"mode7.amr":      {Type: tasks.Voice, Format: "amr", Ext: ".amr", ContentType: "audio/amr", Duration: 500 * time.Millisecond},
		"wide.awb":       {Type: tasks.Voice, Format: "amr-wb", Ext: ".awb", ContentType: "audio/amr-wb", Duration: time.Second},
		"61-seconds.amr": {Type: tasks.Voice, Format: "amr", Ext: ".amr", ContentType: "audio/amr", Duration: 61 * time.Second},
		"h264.mp4":       {Type: tasks.Video, Format: "mp4", Ext: ".mp4", ContentType: "video/mp4", Width: 96, Height: 64, Duration: time.Second},
		"film.mov":       {Type: tasks.Video, Format: "mov", Ext: ".mov", ContentType: "video/quicktime", Width: 96, Height: 64, Duration: time.Second},
		"paper.pdf":      {Format: "pdf", Ext: ".pdf", ContentType: "application/pdf"},
	} {
		b := sample{name: name}.read(t)
		want.Size = int64(len(b))
		got, err := media.Inspect(b)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, diff)
		}
	}
}
