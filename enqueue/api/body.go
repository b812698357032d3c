package api

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// Time limits of one request. Streams may last as long as they make progress.
const (
	streamPause = 30 * time.Second // of silence in a stream that is read or written
	answerTime  = time.Minute      // to take an answer, beyond the time it was waited for
)

// patient reads a streamed body, which may go on as long as bytes come.
type patient struct {
	io.Reader
	rc *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	if err := deadline(p.rc.SetReadDeadline(time.Now().Add(streamPause))); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

// steady writes a streamed answer, which may go on as long as the client takes it.
type steady struct {
	http.ResponseWriter
	rc *http.ResponseController
}

func (s *steady) Write(b []byte) (int, error) {
	if err := deadline(s.rc.SetWriteDeadline(time.Now().Add(streamPause))); err != nil {
		return 0, err
	}
	return s.ResponseWriter.Write(b)
}

// bounded gives the request's body and the answer their time. A body that is read in time clears its own limit, so
// that it does not end a long wait for the answer.
func (s *Server) bounded(w http.ResponseWriter, r *http.Request) error {
	rc := http.NewResponseController(w)
	if r.ContentLength != 0 {
		if err := deadline(rc.SetReadDeadline(time.Now().Add(bodyTime))); err != nil {
			return err
		}
	}
	return deadline(rc.SetWriteDeadline(time.Now().Add(s.cfg.Wait + answerTime)))
}

// unhurried takes the body's time limit away, once it was read.
func unhurried(w http.ResponseWriter) error {
	return deadline(http.NewResponseController(w).SetReadDeadline(time.Time{}))
}

// deadline lets pass that a connection, as in a test, has none.
func deadline(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
