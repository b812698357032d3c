package main

import (
	"net"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/clitest"
	"github.com/mediaferry/mediaferry/tasks/taskstest"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Two workers whose Redis is 50 ms away carry on as if it were near, and never take it for one that is gone.
func TestARedisFarAway(t *testing.T) {
	t.Parallel()
	taskstest.Full(t)
	const uploads = 1200
	g := clitest.New(t, wechattest.Config{})
	near := fleet(g)
	g.Set("MEDIAFERRY_REDIS_URL", "redis://"+farAway(t, near.Addr(), 25*time.Millisecond))
	l := g.Ledger()
	workers := []*clitest.Process{g.Start("worker"), g.Start("worker")}
	joined(t, l, 2)
	began := time.Now()
	pictures(g, l, "default", uploads)
	succeed(t, l, "default", uploads)
	t.Logf("%d uploads took %.1f s", uploads, time.Since(began).Seconds())
	outcomes(g, l, uploads)
	for _, w := range workers {
		if w.Says("redis is away") {
			t.Errorf("a worker takes Redis for gone: %s", w.Log.Tail())
		}
	}
}

// farAway listens on loopback for connections to a server, and returns where. All that passes comes later by delay.
func farAway(t *testing.T, to string, delay time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			go late(in, out, delay)
			go late(out, in, delay)
		}
	}()
	return l.Addr().String()
}

// late passes on what comes from one side, each piece later by delay, until one of them ends.
func late(from, to net.Conn, delay time.Duration) {
	type piece struct {
		due  time.Time
		text []byte
	}
	const most = 1024
	pieces := make(chan piece, most)
	go func() {
		defer close(pieces)
		for {
			b := make([]byte, 32<<10)
			n, err := from.Read(b)
			if n > 0 {
				pieces <- piece{time.Now().Add(delay), b[:n]}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range pieces {
		time.Sleep(time.Until(p.due))
		if _, err := to.Write(p.text); err != nil {
			from.Close() // the reader ends
		}
	}
	from.Close()
	to.Close()
}
