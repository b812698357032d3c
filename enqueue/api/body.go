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

// patient reads a streamed body, which may go on as long as bytes come. The time to answer begins when it is read.
type patient struct {
	io.Reader
	rc *http.ResponseController
}

func (p *patient) Read(b []byte) (int, error) {
	if err := deadline(errors.Join(p.rc.SetReadDeadline(time.Now().Add(streamPause)), p.rc.SetWriteDeadline(time.Time{}))); err != nil {
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

// bounded gives the request's body and the answer their time.
func (s *Server) bounded(w http.ResponseWriter, r *http.Request) error {
	rc := http.NewResponseController(w)
	if r.ContentLength != 0 {
		if err := deadline(rc.SetReadDeadline(time.Now().Add(bodyTime))); err != nil {
			return err
		}
	}
	return deadline(rc.SetWriteDeadline(time.Now().Add(s.cfg.Wait + answerTime)))
}

// answering is called when the body was read, or is given up: its own time limit must not end a long wait for the
// answer, which gets its whole time from now.
func (s *Server) answering(w http.ResponseWriter) error {
	rc := http.NewResponseController(w)
	return deadline(errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(s.cfg.Wait+answerTime))))
}

// deadline lets pass that a connection, as in a test, has none.
func deadline(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
