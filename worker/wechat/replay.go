package wechat

import (
	"io"
	"net/http"
	"sync"
)

// replay gives out a request's body as often as net/http asks for it.
//
// net/http may read a body even after the answer came or the call was given up. But the file's bytes belong to the caller,
// who may put another file into the same buffer then. After close nothing reads them any more.
type replay struct {
	open func() io.Reader

	mu    sync.Mutex
	ended bool
}

// body returns the body from its beginning. It serves as http.Request.GetBody.
func (r *replay) body() (io.ReadCloser, error) { return &replayed{from: r, rest: r.open()}, nil }

// close returns when no read is under way. Later reads fail.
func (r *replay) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
}

type replayed struct {
	from *replay
	rest io.Reader
}

func (b *replayed) Read(p []byte) (int, error) {
	b.from.mu.Lock()
	defer b.from.mu.Unlock()
	if b.from.ended {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.rest.Read(p)
}

func (b *replayed) Close() error { return nil }
