package wechattest

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Whatever comes as a form, what is taken from it is what a second, plain reading finds: a delimiter, a head with the
// filename's last part in it, an empty line, the media, a delimiter.
func FuzzForm(f *testing.F) {
	const kind = "multipart/form-data; boundary=xyz"
	for _, body := range []string{
		"--xyz\r\nContent-Disposition: form-data; name=\"media\"; filename=\"a.jpg\"\r\n\r\nbytes\r\n--xyz--\r\n",
		"\r\n--xyz\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\n--xyz\r\ncontent-disposition: form-data; filename=\"my \\\"a\\\".jpg\"; name=\"media\"; filelength=6\r\n\r\n\r\n--xyz\r\n\r\n--xyz--",
		"--xyz\r\nContent-Disposition: form-data; name=\"media\"; filename*=utf-8''a.jpg\r\n\r\nbytes\r\n--xyz--\r\n",
		"--xyz--", "--xyz\r\n", "",
	} {
		f.Add(kind, []byte(body))
	}
	f.Add(`multipart/form-data; boundary="xyz"`, []byte("--xyz--"))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		whole := bytes.Clone(body)
		got, err := parseForm(contentType, body)
		if !bytes.Equal(whole, body) {
			t.Fatal("the body was changed")
		}
		if err != nil {
			return
		}
		delim, err := delimiter(contentType)
		if err != nil {
			t.Fatalf("taken, though its Content-Type is refused: %v", err)
		}
		if got.filename == "" {
			t.Error("taken without a filename")
		}
		around := append(append([]byte("\r\n\r\n"), got.media...), "\r\n"+delim...)
		if !bytes.Contains(body, around) {
			t.Errorf("the media %q is not a part of the form %q", got.media, body)
		}
		if bytes.Contains(got.media, []byte("\r\n"+delim+"\r\n")) || bytes.Contains(got.media, []byte("\r\n"+delim+"--")) {
			t.Errorf("the media %q goes past a delimiter", got.media)
		}
	})
}

// Whatever comes as a file, looking at it ends, stays within it, and gives no time that the bytes can't hold.
func FuzzLook(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Add([]byte("#!AMR\n\xff"))
	f.Add([]byte("\xff\xfb\x90\x00"))
	f.Add([]byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f\xff\xfb"))
	f.Add([]byte("\x00\x00\x00\x01ftypisom\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		k, length, err := identify(b)
		if err != nil {
			return
		}
		// The densest sound there is: AMR's frames of one byte and 20 ms, MP3's of 24 bytes and 72 ms.
		if (k == amrKind || k == mp3Kind) && (length <= 0 || length > time.Duration(len(b))*20*time.Millisecond) {
			t.Errorf("%d bytes of kind %d last %v", len(b), k, length)
		}
	})
}
