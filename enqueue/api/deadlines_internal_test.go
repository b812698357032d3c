package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// timed is a connection that remembers its limits.
type timed struct {
	http.ResponseWriter
	read, write time.Time
}

func (c *timed) SetReadDeadline(t time.Time) error  { c.read = t; return nil }
func (c *timed) SetWriteDeadline(t time.Time) error { c.write = t; return nil }

// While a stream is read it has no limit to be answered in: over HTTP/2 one that passes ends the stream. Once it was
// read, the limit of its body is gone: one that passes would end the wait for the answer.
func TestTimeLimits(t *testing.T) {
	t.Parallel()
	past := time.Now().Add(-time.Hour)
	c := &timed{httptest.NewRecorder(), past, past}
	p := &bodyStream{Reader: strings.NewReader("x"), rc: http.NewResponseController(c)}
	if _, err := p.Read(make([]byte, 1)); err != nil || time.Until(c.read) < time.Second || !c.write.IsZero() {
		t.Errorf("while it is read: %v, %v, %v", c.read, c.write, err)
	}
	s := &Server{cfg: Config{Wait: time.Minute}}
	if err := s.bodyRead(c); err != nil || !c.read.IsZero() || time.Until(c.write) < time.Minute {
		t.Errorf("to be answered: %v, %v, %v", c.read, c.write, err)
	}
	if err := (&Server{}).bodyRead(httptest.NewRecorder()); err != nil {
		t.Errorf("without limits: %v", err)
	}
}
