// Package proxy is a TCP proxy whose network can be made bad.
package proxy

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// Mode is what a proxy does to connections.
type Mode int8

const (
	Passing  Mode = iota
	Lagging       // each piece of data is delayed by lag
	CutOff        // connections are reset, new ones too
	HalfOpen      // connections stay open, and nothing passes, not even their end
	Dripping      // dripBytes pass at a time
)

const (
	lag       = 150 * time.Millisecond
	dripBytes = 256
	dripPause = 10 * time.Millisecond
	pieceSize = 32 << 10
)

// Proxy listens on loopback and passes connections on to one target.
type Proxy struct {
	listener net.Listener
	network  string // of the target
	target   string

	mu      sync.Mutex
	mode    Mode
	changed chan struct{} // closed by each change of mode
	conns   map[net.Conn]struct{}
	closed  bool
}

// New makes a proxy to a target, which passes everything at first. network is "tcp" or "unix".
func New(network, target string) (*Proxy, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for proxy: %w", err)
	}
	p := &Proxy{listener: l, network: network, target: target, changed: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	go p.accept()
	return p, nil
}

// Addr returns the address it listens on.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Set changes the mode of all connections, open ones included.
func (p *Proxy) Set(m Mode) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mode = m
	close(p.changed)
	p.changed = make(chan struct{})
	if m == CutOff {
		p.breakAll()
	}
}

func (p *Proxy) breakAll() {
	for c := range p.conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // a reset, not a polite end; it may be closed already
		}
		c.Close()
	}
}

// Close ends all connections.
func (p *Proxy) Close() {
	p.listener.Close()
	p.Set(Passing)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.breakAll()
}

func (p *Proxy) now() (Mode, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mode, p.changed
}

func (p *Proxy) accept() {
	for {
		in, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.serve(in)
	}
}

func (p *Proxy) serve(in net.Conn) {
	defer in.Close()
	p.keep(in)
	defer p.forget(in)
	if mode, _ := p.now(); mode == CutOff {
		return
	}
	p.await()
	out, err := (&net.Dialer{Timeout: 5 * time.Second}).Dial(p.network, p.target)
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

func (p *Proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[c] = struct{}{}
	if p.closed || p.mode == CutOff {
		c.Close()
	}
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// await returns when the mode is not HalfOpen.
func (p *Proxy) await() {
	for {
		mode, changed := p.now()
		if mode != HalfOpen {
			return
		}
		<-changed
	}
}

func (p *Proxy) pump(to, from net.Conn) {
	buf := make([]byte, pieceSize)
	for {
		n, err := from.Read(buf)
		if n > 0 && p.pass(to, buf[:n]) != nil {
			return
		}
		if err != nil {
			p.await() // in HalfOpen the end does not pass either
			return
		}
	}
}

func (p *Proxy) pass(to net.Conn, b []byte) error {
	p.await()
	switch mode, changed := p.now(); mode {
	case Lagging:
		pauseUnless(changed, lag)
	case Dripping:
		return p.drip(to, b)
	default:
	}
	_, err := to.Write(b)
	return err
}

func (p *Proxy) drip(to net.Conn, b []byte) error {
	for len(b) > 0 {
		mode, changed := p.now()
		n := len(b)
		if mode == Dripping {
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
