package wechattest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
)

const (
	// maxBody bounds the body of an upload, in bytes: twice WeChat's largest file.
	maxBody = 20 << 20
	// maxDrain is how much of a body that is refused unread is read all the same, so that the client gets its answer
	// instead of a reset.
	maxDrain = 64 << 20
	// readBuffer is the size of the pooled buffers for that.
	readBuffer = 64 << 10
)

// mediaType is one of the four types of WeChat's document.
type mediaType struct {
	name     string
	kinds    []kind
	size     func(*Limits) int64
	tooLarge int // the errcode
	notThis  int // the errcode for content of another kind
}

var mediaTypes = [...]mediaType{
	{"image", []kind{jpegKind, pngKind, gifKind}, func(l *Limits) int64 { return l.Image }, badImageSize, badImageFormat},
	{"voice", []kind{mp3Kind, amrKind}, func(l *Limits) int64 { return l.Voice }, badVoiceSize, unsupportedFile},
	{"video", []kind{mp4Kind}, func(l *Limits) int64 { return l.Video }, badVideoSize, unsupportedFile},
	{"thumb", []kind{jpegKind}, func(l *Limits) int64 { return l.Thumb }, badThumbSize, badImageFormat},
}

func mediaTypeOf(name string) *mediaType {
	for i := range mediaTypes {
		if mediaTypes[i].name == name {
			return &mediaTypes[i]
		}
	}
	return nil
}

// upload is POST /cgi-bin/media/upload.
func (s *Sandbox) upload(c *call) answer {
	c.Type = clip(c.query().Get("type"))
	t := mediaTypeOf(c.Type)
	if t == nil {
		return s.refuse(c, badType, "")
	}
	if c.req.ContentLength > maxBody {
		return s.refuse(c, bodyTooLarge, "")
	}
	if s.cfg.Drain {
		return s.tally(c, t)
	}
	body := make([]byte, c.req.ContentLength)
	if _, err := io.ReadFull(c.req.Body, body); err != nil {
		return c.brokenOff()
	}
	f, err := parseForm(c.contentType(), body)
	if err != nil {
		return s.refuse(c, missingMedia, err.Error())
	}
	c.Filename, c.Size = clip(f.filename), int64(len(f.media))
	sum := sha256.Sum256(f.media)
	c.SHA256 = hex.EncodeToString(sum[:])
	k, code, hint := inspect(t, f, &s.cfg.Limits)
	if code != 0 {
		return s.refuse(c, code, hint)
	}
	return s.take(c, t, k, f)
}

// take keeps the media and answers with its id.
func (s *Sandbox) take(c *call, t *mediaType, k kind, f form) answer {
	m := &medium{
		id: s.dice.mediaID(), account: c.account, mediaType: t.name, kind: k, filename: clip(f.filename),
		size: len(f.media), data: f.media, expires: c.now.Add(s.cfg.MediaTTL),
	}
	s.mu.Lock()
	s.media.add(m, c.now)
	s.mu.Unlock()
	return c.issued(t, m.id)
}

// tally is upload in Drain mode: it looks at the head of the form only, and drops the rest.
func (s *Sandbox) tally(c *call, t *mediaType) answer {
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	head := (*buf)[:min(int64(readBuffer), c.req.ContentLength)]
	if _, err := io.ReadFull(c.req.Body, head); err != nil {
		return c.brokenOff()
	}
	f, err := parseHead(c.contentType(), head)
	if err != nil {
		return s.refuse(c, missingMedia, err.Error())
	}
	if kindByName(f.filename) == unknownKind {
		return s.refuse(c, badExtension, "")
	}
	for err == nil {
		_, err = c.req.Body.Read(*buf)
	}
	if !errors.Is(err, io.EOF) {
		return c.brokenOff()
	}
	return c.issued(t, s.dice.mediaID())
}

// issued answers with a new media_id, as only WeChat's thumb calls it by another name.
func (c *call) issued(t *mediaType, id string) answer {
	c.MediaID = id
	at := c.now.Unix()
	if t.name == "thumb" {
		return ok(struct {
			Type         string   `json:"type"`
			ThumbMediaID string   `json:"thumb_media_id"`
			CreatedAt    int64    `json:"created_at"`
			Item         []string `json:"item"`
		}{t.name, id, at, []string{}})
	}
	return ok(struct {
		Type      string   `json:"type"`
		MediaID   string   `json:"media_id"`
		CreatedAt int64    `json:"created_at"`
		Item      []string `json:"item"`
	}{t.name, id, at, []string{}})
}

// brokenOff ends a call whose body never came in full.
func (c *call) brokenOff() answer {
	c.Reason = "the body broke off"
	return answer{}
}

// contentType returns the request's raw Content-Type, or "".
func (c *call) contentType() string {
	if v := c.req.Header["Content-Type"]; len(v) == 1 {
		return strings.TrimSpace(v[0])
	}
	return ""
}

// drain reads what is left of the body and drops it.
func (s *Sandbox) drain(c *call) {
	buf := s.buffers.Get().(*[]byte)
	defer s.buffers.Put(buf)
	for left := int64(maxDrain); left > 0; {
		n, err := c.req.Body.Read(*buf)
		if err != nil {
			return
		}
		left -= int64(n)
	}
}
