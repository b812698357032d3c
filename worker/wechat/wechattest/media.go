package wechattest

import (
	"strings"
	"time"
)

// medium is one media that was issued.
type medium struct {
	id        string
	account   *account
	mediaType string
	kind      kind
	filename  string
	size      int
	data      []byte // nil once the store needed the room
	expires   time.Time
}

// store keeps media in the order they were issued, which is the order they expire in. The sandbox's mutex guards it.
type store struct {
	byID  map[string]*medium
	order []*medium
	kept  int // of order: data before this index was dropped
	bytes int64
	limit int64
}

func newStore(limit int64) store {
	return store{byID: make(map[string]*medium), limit: limit}
}

// add takes m in, and drops the bytes of the oldest where there are too many, and media that have expired.
func (st *store) add(m *medium, now time.Time) {
	st.expire(now)
	st.byID[m.id] = m
	st.order = append(st.order, m)
	st.bytes += int64(len(m.data))
	for st.bytes > st.limit && st.kept < len(st.order) {
		old := st.order[st.kept]
		st.bytes -= int64(len(old.data))
		old.data = nil
		st.kept++
	}
}

func (st *store) expire(now time.Time) {
	n := 0
	for n < len(st.order) && !now.Before(st.order[n].expires) {
		st.bytes -= int64(len(st.order[n].data))
		delete(st.byID, st.order[n].id)
		n++
	}
	st.order = st.order[n:]
	st.kept = max(0, st.kept-n)
}

// find returns a media that lives and whose bytes are still here.
func (st *store) find(id string, now time.Time) (medium, bool) {
	m := st.byID[id]
	if m == nil || m.data == nil || !now.Before(m.expires) {
		return medium{}, false
	}
	return *m, true
}

// Media returns the bytes that were uploaded as the media of that id. It is false if the id is unknown or expired,
// or its bytes were not kept (Config.KeepBytes, Config.Drain). The bytes must not be changed.
func (s *Sandbox) Media(id string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m, found := s.media.find(id, s.Now())
	return m.data, found
}

// getMedia is GET /cgi-bin/media/get: the very bytes, or of a video where they are.
func (s *Sandbox) getMedia(c *call) answer {
	id := c.query().Get("media_id")
	if id == "" {
		return s.refuse(c, missingMediaID, "")
	}
	s.mu.Lock()
	m, found := s.media.find(id, c.now)
	s.mu.Unlock()
	if !found || m.account != c.account {
		return s.refuse(c, badMediaID, "")
	}
	c.MediaID, c.Size = id, int64(len(m.data))
	if m.kind == mp4Kind {
		return ok(struct {
			URL string `json:"video_url"`
		}{c.here() + controlPrefix + "media/" + id})
	}
	return m.answer()
}

func (m medium) answer() answer {
	name := strings.NewReplacer(`"`, "%22", "\r", "", "\n", "").Replace(m.filename)
	return answer{status: 200, contentType: m.kind.contentType(), disposition: `attachment; filename="` + name + `"`, body: m.data}
}
