package wechattest

import (
	"bytes"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"slices"
	"strings"
	"time"
)

// kind is what a file is.
type kind int8

const (
	unknownKind kind = iota
	jpegKind
	pngKind
	gifKind
	mp3Kind
	amrKind
	mp4Kind
)

// contentType is what media/get says of it.
func (k kind) contentType() string {
	return [...]string{"application/octet-stream", "image/jpeg", "image/png", "image/gif", "audio/mpeg", "audio/amr", "video/mp4"}[k]
}

// kindByName judges by the extension alone, which is what WeChat looks at first.
func kindByName(filename string) kind {
	switch strings.ToLower(filename[strings.LastIndexByte(filename, '.')+1:]) {
	case "jpg", "jpeg":
		return jpegKind
	case "png":
		return pngKind
	case "gif":
		return gifKind
	case "mp3":
		return mp3Kind
	case "amr":
		return amrKind
	case "mp4":
		return mp4Kind
	}
	return unknownKind
}

// minSize is the fewest bytes that WeChat calls a file; fewer are 40006.
const minSize = 6

// inspect judges a file as t. It returns what the file is, or the errcode that refuses it and a hint.
func inspect(t *mediaType, f form, l *Limits) (kind, int, string) {
	size, most := int64(len(f.media)), t.size(l)
	switch {
	case size == 0:
		return 0, emptyMedia, ""
	case !strings.Contains(f.filename, ".") || !slices.Contains(t.kinds, kindByName(f.filename)):
		return 0, badExtension, fmt.Sprintf("the filename has no extension that %s may have", t.name)
	case size < minSize:
		return 0, badFileSize, fmt.Sprintf("%d bytes", size)
	case size > most:
		return 0, t.tooLarge, fmt.Sprintf("%d bytes, at most %d", size, most)
	}
	k, length, err := identify(f.media)
	switch {
	case err != nil:
		return 0, t.notThis, err.Error()
	case !slices.Contains(t.kinds, k):
		return 0, t.notThis, "the content is not what the extension says"
	case t.name == "voice" && length > l.VoiceTime:
		return 0, voiceTooLong, fmt.Sprintf("%.1f s, at most %.1f s", length.Seconds(), l.VoiceTime.Seconds())
	}
	return k, 0, ""
}

// identify finds out from the bytes what a file is, and how long it lasts.
func identify(b []byte) (kind, time.Duration, error) {
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return jpegKind, 0, picture(jpeg.DecodeConfig(bytes.NewReader(b)))
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return pngKind, 0, picture(png.DecodeConfig(bytes.NewReader(b)))
	case bytes.HasPrefix(b, []byte("GIF8")):
		return gifKind, 0, picture(gif.DecodeConfig(bytes.NewReader(b)))
	case bytes.HasPrefix(b, []byte("#!AMR")):
		d, err := amrLength(b)
		return amrKind, d, err
	case len(b) >= 12 && string(b[4:8]) == "ftyp":
		d, err := mp4Length(b)
		return mp4Kind, d, err
	}
	d, err := mp3Length(b)
	return mp3Kind, d, err
}

func picture(c image.Config, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("the picture can't be read: %w", err)
	case c.Width <= 0 || c.Height <= 0:
		return fmt.Errorf("the picture is %d × %d pixels", c.Width, c.Height)
	}
	return nil
}
