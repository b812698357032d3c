package wechattest_test

import (
	"regexp"
	"strings"
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
			if tt.mediaType == "video" { // of which WeChat tells where it is
				url := back.text("video_url")
				if !strings.HasPrefix(url, "http://localhost/") || back.contentType != "text/plain" {
					t.Fatalf("media/get answered %+v", back)
				}
				back = raw(t, srv, get(strings.TrimPrefix(url, "http://localhost")))
			}
			if back.body != want || back.contentType != tt.contentType {
				t.Errorf("media/get gave %d bytes of %q, want the %d of %s", len(back.body), back.contentType, len(want), tt.file)
			}
			if kept, ok := srv.Media(id); !ok || string(kept) != want {
				t.Errorf("Media gave %d bytes, %v", len(kept), ok)
			}
		})
	}
}

func TestUploadRefusesFiles(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	jpg, png, mp3, amr, mp4 := sample(t, "photo.jpg"), sample(t, "shot.png"), sample(t, "tone.mp3"), sample(t, "tone.amr"), sample(t, "clip.mp4")
	for _, tt := range []struct {
		name, mediaType, file, media string
		want                         int
	}{
		{"no type", "", "a.jpg", jpg, 40004},
		{"unknown type", "picture", "a.jpg", jpg, 40004},
		{"type in capitals", "IMAGE", "a.jpg", jpg, 40004},

		{"a temporary name with a JPEG inside", "image", "phpsNnmJN", jpg, 40005},
		{"an extension without a dot", "image", "jpg", jpg, 40005},
		{"a dot without an extension", "image", "a.", jpg, 40005},
		{"WebP", "image", "a.webp", jpg, 40005},
		{"BMP", "image", "a.bmp", jpg, 40005},
		{"a voice as image", "image", "a.mp3", mp3, 40005},
		{"a picture as voice", "voice", "a.jpg", jpg, 40005},
		{"WAV", "voice", "a.wav", mp3, 40005},
		{"MOV", "video", "a.mov", mp4, 40005},
		{"a PNG as thumb", "thumb", "a.png", png, 40005},

		{"empty", "image", "a.jpg", "", 44001},
		{"five bytes", "image", "a.jpg", jpg[:5], 40006},

		{"image over 10 MB", "image", "a.jpg", pad(jpg, 10<<20+1), 40009},
		{"voice over 2 MB", "voice", "a.amr", pad(amr, 2<<20+1), 40010},
		{"video over 10 MB", "video", "a.mp4", pad(mp4, 10<<20+1), 40011},
		{"thumb over 64 KB", "thumb", "a.jpg", pad(jpg, 64<<10+1), 40012},
		{"anything over 20 MB", "video", "a.mp4", pad(mp4, 20<<20), 45001},

		{"AMR of 60.52 s", "voice", "a.amr", amrOf(3026), 45007},
		{"MP3 of over 60 s", "voice", "a.mp3", strings.Repeat(mp3, 60), 45007},

		{"text as JPEG", "image", "a.jpg", "hello, world", 40137},
		{"a JPEG cut in its head", "image", "a.jpg", jpg[:40], 40137},
		{"a PNG cut in its head", "image", "a.png", png[:20], 40137},
		{"an MP3 named .jpg", "image", "a.jpg", mp3, 40137},
		{"a PNG named .jpg, as thumb", "thumb", "a.jpg", png, 40137},
		{"text as MP3", "voice", "a.mp3", "hello, world", 40113},
		{"a picture named .mp3", "voice", "a.mp3", jpg, 40113},
		{"AMR wide-band", "voice", "a.amr", "#!AMR-WB\n" + strings.Repeat("\x04", 100), 40113},
		{"AMR without frames", "voice", "a.amr", "#!AMR\n", 40113},
		{"a QuickTime movie", "video", "a.mp4", strings.Replace(mp4, "isom", "qt  ", 1), 40113},
		{"an MP4 cut off", "video", "a.mp4", mp4[:len(mp4)-10], 40113},
		{"an MP4 without moov", "video", "a.mp4", strings.Replace(mp4, "moov", "free", 1), 40113},
		{"text as MP4", "video", "a.mp4", "hello, world", 40113},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantErrcode(t, upload(t, srv, token, tt.mediaType, tt.file, tt.media), tt.want)
		})
	}
}

func TestUploadTakesFilesAtTheLimits(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{})
	token := srv.Token(wechattest.DefaultAppID)
	jpg, png, mp4 := sample(t, "photo.jpg"), sample(t, "shot.png"), sample(t, "clip.mp4")
	for _, tt := range []struct{ name, mediaType, file, media string }{
		{"image of 10 MB", "image", "a.jpg", pad(jpg, 10<<20)},
		{"voice of 2 MB", "voice", "a.amr", pad(sample(t, "tone.amr"), 2<<20)},
		{"video of 10 MB", "video", "a.mp4", pad(mp4, 10<<20)},
		{"thumb of 64 KB", "thumb", "a.jpg", pad(jpg, 64<<10)},
		{"AMR of 60.5 s", "voice", "a.amr", amrOf(3025)},
		{"MP3 of under 60 s", "voice", "a.mp3", strings.Repeat(sample(t, "tone.mp3"), 50)},
		{"six bytes of AMR frames", "voice", "a.amr", "#!AMR\n\x7c"},
		{"extension in capitals", "image", "A.JPG", jpg},
		{".jpeg", "thumb", "a.jpeg", jpg},
		{"a PNG named .jpg", "image", "a.jpg", png},
		{"a Chinese name", "image", "照片.jpg", jpg},
		{"a path", "image", "/home/me/photos/a.jpg", jpg},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := upload(t, srv, token, tt.mediaType, tt.file, tt.media)
			if r.text("media_id")+r.text("thumb_media_id") == "" {
				t.Errorf("answered %+v", r)
			}
		})
	}
}

func TestUploadLimitsAreSettings(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{Limits: wechattest.Limits{Image: 100, Voice: 100, Video: 100, Thumb: 100}})
	token := srv.Token(wechattest.DefaultAppID)
	wantErrcode(t, upload(t, srv, token, "image", "a.jpg", sample(t, "photo.jpg")), 40009)
	wantErrcode(t, upload(t, srv, token, "voice", "a.mp3", sample(t, "tone.mp3")), 40010)
	wantErrcode(t, upload(t, srv, token, "video", "a.mp4", sample(t, "clip.mp4")), 40011)
	wantErrcode(t, upload(t, srv, token, "thumb", "a.jpg", sample(t, "photo.jpg")), 40012)
}

// Ids are drawn from all of base64url, so that some begin with '-': a client that takes them for flags must find out here.
func TestMediaIDsMayBeginWithADash(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{Seed: 7, Drain: true})
	token := srv.Token(wechattest.DefaultAppID)
	for range 1000 {
		if strings.HasPrefix(upload(t, srv, token, "image", "a.jpg", "bytes!").text("media_id"), "-") {
			return
		}
	}
	t.Error("of 1,000 media ids none begins with a dash")
}

func TestTheSameSeedGivesTheSameIDs(t *testing.T) {
	t.Parallel()
	id := func(seed int64) string {
		srv := wechattest.NewServer(t, wechattest.Config{Seed: seed})
		return upload(t, srv, srv.Token(wechattest.DefaultAppID), "image", "a.jpg", sample(t, "photo.jpg")).text("media_id")
	}
	if a, b := id(1), id(1); a != b {
		t.Errorf("seed 1 gave %s, then %s", a, b)
	}
	if a, b := id(0), id(0); a == b {
		t.Errorf("no seed gave %s twice", a)
	}
}

func TestDrainCountsWithoutKeeping(t *testing.T) {
	t.Parallel()
	srv := wechattest.NewServer(t, wechattest.Config{Drain: true})
	token := srv.Token(wechattest.DefaultAppID)
	id := upload(t, srv, token, "video", "a.mp4", strings.Repeat("x", 1<<20)).text("media_id")
	if !mediaID.MatchString(id) {
		t.Fatalf("media_id is %q", id)
	}
	if _, kept := srv.Media(id); kept {
		t.Error("the bytes were kept")
	}
	wantErrcode(t, upload(t, srv, token, "image", "phpsNnmJN", "bytes!"), 40005)
	wantErrcode(t, raw(t, srv, post(uploadPath(token, "image"), contentType, strings.Replace(opening("a.jpg"), "media", "file", 1)+closing)), 41005)
	if n := srv.Count("media/upload"); n != 3 || len(srv.Calls()) != 0 {
		t.Errorf("counted %d calls and kept %d, want 3 and none", n, len(srv.Calls()))
	}
}

// pad makes a file of size bytes that is still what it was: a decoder stops at the end of the picture, the last
// frame of sound, or skips a free box.
func pad(file string, size int) string {
	n := size - len(file)
	if strings.Contains(file[:12], "ftyp") {
		return file + string([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + "free" + strings.Repeat("\x00", n-8)
	}
	return file + strings.Repeat("H", n) // which begins no frame either
}

// amrOf is an AMR of that many frames of 20 ms.
func amrOf(frames int) string {
	return "#!AMR\n" + strings.Repeat("\x3c"+strings.Repeat("\x55", 31), frames)
}
