package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// proxyMode is what a proxy does to the bytes that pass.
type proxyMode int8

const (
	passing  proxyMode = iota
	lagging            // every piece waits lag
	cutOff             // connections are reset, new ones too
	halfOpen           // connections stay, nothing passes, no end is told
	dripping           // dripBytes at a time
)

const (
	lag       = 150 * time.Millisecond
	dripBytes = 256
	dripPause = 10 * time.Millisecond
	pieceSize = 32 << 10
)

// proxy is a TCP proxy on loopback whose network can be made bad.
type proxy struct {
	listener net.Listener
	target   string

	mu      sync.Mutex
	mode    proxyMode
	changed chan struct{} // closed by each change of mode
	conns   map[net.Conn]struct{}
	cut     int // connections that a change to cutOff broke
	closed  bool
}

func newProxy(target string) (*proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for proxy: %w", err)
	}
	p := &proxy{listener: l, target: target, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	go p.accept()
	return p, nil
}

// addr is where it listens.
func (p *proxy) addr() string { return p.listener.Addr().String() }

// set changes what it does, to connections that are there too.
func (p *proxy) set(m proxyMode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	close(p.changed)
	p.changed = make(chan struct{})
	if m == cutOff {
		p.cut += len(p.conns) / 2
		p.breakAll()
	}
}

func (p *proxy) breakAll() {
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not a polite end; it may be closed already
		}
		c.Close()
	}
}

func (p *proxy) close() {
	p.listener.Close()
	p.set(passing)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.breakAll()
}

func (p *proxy) now() (proxyMode, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.changed
}

func (p *proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(in)
	}
}

func (p *proxy) serve(in net.Conn) {
	defer in.Close()
	p.keep(in)
	defer p.forget(in)
	if mode, _ := p.now(); mode == cutOff {
		return
	}
	p.await()
	out, err := (&net.Dialer{Timeout: 5 * time.Second}).Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer out.Close()
	p.keep(out)
	defer p.forget(out)
	done := make(chan struct{}, 2)
	go func() { p.pump(out, in); done <- struct{}{} }()
	go func() { p.pump(in, out); done <- struct{}{} }()
	<-done
	in.Close() // HTTP, RESP and PostgreSQL need no half-closed connections
	out.Close()
	<-done
}

func (p *proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
	if p.closed || p.mode == cutOff {
		c.Close()
	}
}

func (p *proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// await returns once the network is not half open.
func (p *proxy) await() {
	for {
		mode, changed := p.now()
		if mode != halfOpen {
			return
		}
		<-changed
	}
}

func (p *proxy) pump(to, from net.Conn) {
	buf := make([]byte, pieceSize)
	for {
		n, err := from.Read(buf)
		if n > 0 && p.pass(to, buf[:n]) != nil {
			return
		}
		if err != nil {
			p.await() // a half-open network does not tell of the end either
			return
		}
	}
}

func (p *proxy) pass(to net.Conn, b []byte) error {
	p.await()
	switch mode, changed := p.now(); mode {
	case lagging:
		pauseUnless(changed, lag)
	case dripping:
		return p.drip(to, b)
	default:
	}
	_, err := to.Write(b)
	return err
}

func (p *proxy) drip(to net.Conn, b []byte) error {
	for len(b) > 0 {
		mode, changed := p.now()
		n := len(b)
		if mode == dripping {
			n = min(n, dripBytes)
			pauseUnless(changed, dripPause)
		}
		if _, err := to.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func pauseUnless(changed <-chan struct{}, d time.Duration) {
	select {
	case <-changed:
	case <-time.After(d):
	}
}
