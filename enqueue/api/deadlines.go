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

// bodyStream reads a streamed body. It may take any time as long as bytes keep coming, and the write deadline is off
// until the body is read.
type bodyStream struct {
	io.Reader
	rc *http.ResponseController
}

func (p *bodyStream) Read(b []byte) (int, error) {
	if err := deadline(errors.Join(p.rc.SetReadDeadline(time.Now().Add(streamPause)), p.rc.SetWriteDeadline(time.Time{}))); err != nil {
		return 0, err
	}
	return p.Reader.Read(b)
}

// answerStream writes a streamed answer. It may take any time as long as the client keeps reading.
type answerStream struct {
	http.ResponseWriter
	rc *http.ResponseController
}

func (s *answerStream) Write(b []byte) (int, error) {
	if err := deadline(s.rc.SetWriteDeadline(time.Now().Add(streamPause))); err != nil {
		return 0, err
	}
	return s.ResponseWriter.Write(b)
}

// setDeadlines limits the time to read the body and to write the answer.
func (s *Server) setDeadlines(w http.ResponseWriter, r *http.Request) error {
	rc := http.NewResponseController(w)
	if r.ContentLength != 0 {
		if err := deadline(rc.SetReadDeadline(time.Now().Add(bodyTime))); err != nil {
			return err
		}
	}
	return deadline(rc.SetWriteDeadline(time.Now().Add(s.cfg.Wait + answerTime)))
}

// bodyRead must be called when a body was read or given up. It takes the body's deadline off the connection, since it
// would cancel the request while the handler waits for an outcome, and restarts the time to write the answer.
func (s *Server) bodyRead(w http.ResponseWriter) error {
	rc := http.NewResponseController(w)
	return deadline(errors.Join(rc.SetReadDeadline(time.Time{}), rc.SetWriteDeadline(time.Now().Add(s.cfg.Wait+answerTime))))
}

// deadline ignores that a connection, such as a recorder in a test, has no deadlines.
func deadline(err error) error {
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
