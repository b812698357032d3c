package wechat

import (
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"
)

func TestABodyIsLetGoOnceEachConnectionIsDoneWithIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		conns, written, later int // later: so many are done with it a little after the call
		want                  bool
	}{
		"no connection":               {0, 0, 0, true},
		"written":                     {1, 1, 0, true},
		"written right after":         {1, 0, 1, true},
		"never written":               {1, 0, 0, false},
		"tried twice, one hangs":      {2, 1, 0, false},
		"tried twice, both are done":  {2, 1, 1, true},
		"tried thrice, and two later": {3, 1, 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := newOutgoing()
				trace := o.trace()
				for range tc.conns {
					trace.GotConn(httptrace.GotConnInfo{})
				}
				for range tc.written {
					trace.WroteRequest(httptrace.WroteRequestInfo{})
				}
				go func() {
					for range tc.later {
						time.Sleep(letGoIn / 4) // the bubble's clock: no time passes
						trace.WroteRequest(httptrace.WroteRequestInfo{})
					}
				}()
				if got := o.letGo(); got != tc.want {
					t.Errorf("let go: %v", got)
				}
			})
		})
	}
}
