package wechat

import (
	"bytes"
	"io"

	"github.com/mediaferry/mediaferry/tasks"
)

// sifted reads an answer of any length, and ends it with an error before a secret in it is read.
type sifted struct {
	io.ReadCloser
	next    io.Reader
	left    int64 // bytes that may still be read
	secrets []tasks.Secret

	ready []byte // was looked at, and is given out
	rest  []byte // was read, but a secret may begin in it
	err   error
	buf   [32 << 10]byte
}

func (s *sifted) Read(p []byte) (int, error) {
	for len(s.ready) == 0 && s.err == nil {
		s.fill()
	}
	n := copy(p, s.ready)
	s.ready = s.ready[n:]
	if n == 0 {
		return 0, s.err
	}
	return n, nil
}

// fill reads on, and makes ready what no secret can begin in.
func (s *sifted) fill() {
	kept := copy(s.buf[:], s.rest)
	n, err := s.next.Read(s.buf[kept:])
	s.left -= int64(n)
	have := s.buf[:kept+n]
	longest := 1
	for _, secret := range s.secrets {
		text := []byte(secret.Reveal())
		if longest = max(longest, len(text)); len(text) > 0 && bytes.Contains(have, text) {
			s.rest, s.err = nil, errEcho
			return
		}
	}
	if s.left < 0 {
		s.rest, s.err = nil, errTooLong
		return
	}
	if err != nil {
		s.ready, s.rest, s.err = have, nil, err
		return
	}
	cut := max(0, len(have)-longest+1)
	s.ready, s.rest = have[:cut], have[cut:]
}
