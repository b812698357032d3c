package wechattest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// TB is what NewServer needs of a *testing.T, *testing.B or *testing.F.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// Server is a Sandbox that listens on loopback.
type Server struct {
	*Sandbox
	// URL is where it listens: http://127.0.0.1:PORT, the base URL for a client.
	URL string

	http   *http.Server
	conns  sync.WaitGroup
	served chan struct{}
}

// NewServer starts a sandbox on a free port of the loopback interface. It is closed when the test ends.
// WeChat itself speaks HTTPS only: for that, give New's result to httptest.NewTLSServer.
func NewServer(tb TB, cfg Config) *Server {
	tb.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatalf("wechattest: listen: %v", err)
	}
	s := &Server{Sandbox: New(cfg), URL: "http://" + l.Addr().String(), served: make(chan struct{})}
	s.http = &http.Server{Handler: s.Sandbox, ReadHeaderTimeout: time.Minute, ConnState: s.track}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(l) // always an error: that it was closed
	}()
	tb.Cleanup(s.Close)
	return s
}

// track counts open connections, so that Close leaves no goroutine behind.
func (s *Server) track(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		s.conns.Add(1)
	case http.StateHijacked, http.StateClosed:
		s.conns.Done()
	}
}

// Close stops listening, breaks off every connection and waits for them to end. It may be called twice.
func (s *Server) Close() {
	_ = s.http.Close()
	<-s.served
	s.conns.Wait()
}
