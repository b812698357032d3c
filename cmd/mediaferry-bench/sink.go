package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// sinkState is what the sink got since its last reset.
type sinkState struct {
	Count       int
	First, Last time.Time
}

// sink is a sandbox that drops the files it gets, and a stopwatch.
type sink struct {
	sandbox *wechattest.Sandbox
	latency time.Duration
	busy    every
	mu      sync.Mutex
	state   sinkState
}

// every picks a share of the calls, evenly.
type every struct {
	share float64
	mu    sync.Mutex
	due   float64
}

func (e *every) next() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.due += e.share; e.due < 1 {
		return false
	}
	e.due--
	return true
}

// sinkToken is an access token that the sink accepts from contenders that fetch none.
const sinkToken = "92_bench-access-token-that-never-expires"

func serveSink(ctx context.Context, o options) error {
	s := &sink{latency: o.latency, sandbox: wechattest.New(wechattest.Config{
		Drain:    true,
		Accounts: []wechattest.Account{{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, NoQuota: true, Token: sinkToken}},
	})}
	if o.slow > 0 {
		s.sandbox.Rate(wechattest.Fault{Kind: wechattest.Slow, Path: "media/upload", Delay: slowCall}, o.slow)
	}
	s.busy.share = o.busy
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("http://%s\n", l.Addr())
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { server.Close() })
	return server.Serve(l)
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/reset":
		s.mu.Lock()
		s.state = sinkState{}
		s.mu.Unlock()
	case "/state":
	default:
		if !strings.HasSuffix(r.URL.Path, "media/upload") {
			s.sandbox.ServeHTTP(w, r)
			return
		}
		started := time.Now()
		time.Sleep(s.latency)
		if s.busy.next() {
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, `{"errcode":-1,"errmsg":"system error"}`)
			return
		}
		s.sandbox.ServeHTTP(w, r)
		s.note(started)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = json.NewEncoder(w).Encode(s.state) // the asker polls again
}

func (s *sink) note(started time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state.Count == 0 {
		s.state.First = started
	}
	s.state.Count++
	s.state.Last = time.Now()
}
