package wechattest_test

import (
	"regexp"
	"testing"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

var mediaID = regexp.MustCompile(`^[A-Za-z0-9_-]{64}$`)

func TestUploadTakesEveryKindAndGivesItBack(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	for _, tt := range []struct{ mediaType, file, key, contentType string }{
		{"image", "photo.jpg", "media_id", "image/jpeg"},
		{"image", "shot.png", "media_id", "image/png"},
		{"image", "move.gif", "media_id", "image/gif"},
		{"voice", "tone.mp3", "media_id", "audio/mpeg"},
		{"voice", "tone.amr", "media_id", "audio/amr"},
		{"video", "clip.mp4", "media_id", "video/mp4"},
		{"thumb", "photo.jpg", "thumb_media_id", "image/jpeg"},
	} {
		t.Run(tt.mediaType+"/"+tt.file, func(t *testing.T) {
			t.Parallel()
			want := sample(t, tt.file)
			r := upload(t, srv, token, tt.mediaType, tt.file, want)
			id := r.text(tt.key)
			if !mediaID.MatchString(id) || r.text("type") != tt.mediaType || r.contentType != "text/plain" {
				t.Fatalf("answered %+v", r)
			}
			if created, ok := r.json["created_at"].(float64); !ok || created < 1.7e9 {
				t.Errorf("created_at is %v", r.json["created_at"])
			}
			back := raw(t, srv, get("/cgi-bin/media/get?access_token="+token+"&media_id="+id))
			if back.body != want || back.contentType != tt.contentType {
				t.Errorf("media/get gave %d bytes of %q, want the %d of %s", len(back.body), back.contentType, len(want), tt.file)
			}
			if kept, ok := srv.Media(id); !ok || string(kept) != want {
				t.Errorf("Media gave %d bytes, %v", len(kept), ok)
			}
		})
	}
}
