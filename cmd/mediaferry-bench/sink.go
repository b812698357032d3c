package main

import (
	"context"
	"encoding/json"
	"fmt"
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
	mu      sync.Mutex
	state   sinkState
}

// sinkToken is an access token that the sink accepts from contenders that fetch none.
const sinkToken = "92_bench-access-token-that-never-expires"

func serveSink(ctx context.Context) error {
	s := &sink{sandbox: wechattest.New(wechattest.Config{
		Drain:    true,
		Accounts: []wechattest.Account{{AppID: wechattest.DefaultAppID, Secret: wechattest.DefaultSecret, NoQuota: true, Token: sinkToken}},
	})}
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
		started := time.Now()
		s.sandbox.ServeHTTP(w, r)
		if strings.HasSuffix(r.URL.Path, "media/upload") {
			s.note(started)
		}
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
