package wechattest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// order is a Fault as the control endpoint takes it.
type order struct {
	Fault
	Delay string   `json:"delay"` // "1.5s"
	Share *float64 `json:"share"` // given: by rate instead of by script
}

func (s *Sandbox) controlFaults(w http.ResponseWriter, r *http.Request) error {
	var text json.RawMessage
	if err := hear(r, &text); err != nil {
		return err
	}
	if text = bytes.TrimSpace(text); text[0] == '{' {
		text = append(append([]byte("["), text...), ']')
	}
	var orders []order
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&orders); err != nil {
		return fmt.Errorf("read the faults: %w", err)
	}
	for i, o := range orders {
		if err := s.obey(o); err != nil {
			return fmt.Errorf("fault %d (those before it are taken): %w", i+1, err)
		}
	}
	return say(w, map[string]int{"pending": s.Pending()})
}

func (s *Sandbox) obey(o order) error {
	if o.Delay != "" {
		d, err := time.ParseDuration(o.Delay)
		if err != nil {
			return fmt.Errorf("delay: %w", err)
		}
		o.Fault.Delay = d
	}
	if o.Share != nil {
		return s.rate(o.Fault, *o.Share)
	}
	return s.script(o.Fault)
}

func (s *Sandbox) controlClock(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		Advance string `json:"advance"`
	}
	if err := hear(r, &q); err != nil {
		return err
	}
	d, err := time.ParseDuration(q.Advance)
	switch {
	case err != nil:
		return fmt.Errorf("advance: %w", err)
	case d < 0:
		return errors.New("advance: WeChat's time never runs back")
	}
	s.Advance(d)
	return say(w, map[string]time.Time{"now": s.Now()})
}

func (s *Sandbox) controlRevoke(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		AppID string `json:"appid"`
	}
	if err := hear(r, &q); err != nil {
		return err
	}
	if q.AppID != "" && !s.Revoke(q.AppID) {
		return fmt.Errorf("no account has the appid %q", clip(q.AppID))
	}
	if q.AppID == "" {
		for _, a := range s.cfg.Accounts {
			s.Revoke(a.AppID)
		}
	}
	return say(w, struct{}{})
}

func (s *Sandbox) controlSecret(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		AppID  string `json:"appid"`
		Secret string `json:"secret"`
	}
	if err := hear(r, &q); err != nil {
		return err
	}
	if !s.SetSecret(q.AppID, q.Secret) {
		return fmt.Errorf("no account has the appid %q", clip(q.AppID))
	}
	return say(w, struct{}{})
}

func (s *Sandbox) controlJournal(w http.ResponseWriter, r *http.Request) error {
	path := r.URL.Query().Get("path")
	return sayLines(w, slices.DeleteFunc(s.Calls(), func(c Call) bool { return !pathEnds(c.Path, path) }))
}

// mediumLine is a media as it is listed.
type mediumLine struct {
	MediaID  string    `json:"media_id"`
	AppID    string    `json:"appid"`
	Type     string    `json:"type"`
	Filename string    `json:"filename"`
	Size     int       `json:"size"`
	Expires  time.Time `json:"expires_at"`
}

func (s *Sandbox) controlMedia(w http.ResponseWriter, _ *http.Request) error {
	var lines []mediumLine
	now := s.Now()
	s.mu.Lock()
	for _, m := range s.media.order {
		if now.Before(m.expires) {
			lines = append(lines, mediumLine{m.id, m.account.AppID, m.mediaType, m.filename, m.size, m.expires})
		}
	}
	s.mu.Unlock()
	return sayLines(w, lines)
}

// sayLines answers with one line of JSON for each of lines.
func sayLines[T any](w http.ResponseWriter, lines []T) error {
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	for _, l := range lines {
		if err := out.Encode(l); err != nil {
			return err
		}
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	_, _ = b.WriteTo(w) // a caller that has gone away needs no answer
	return nil
}

func (s *Sandbox) controlBytes(w http.ResponseWriter, r *http.Request) error {
	s.mu.Lock()
	m, found := s.media.find(r.PathValue("id"), s.Now())
	s.mu.Unlock()
	if !found {
		return errors.New("no such media, or it has expired, or its bytes were not kept")
	}
	m.answer().write(w)
	return nil
}
