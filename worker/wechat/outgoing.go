package wechat

import (
	"net/http/httptrace"
	"sync"
	"time"
)

// outgoing follows a request on its way out. net/http may read a body even after the answer came or the call was given up,
// while its bytes belong to a caller who would put another file into the same memory. It says when it has read the last of
// them, once for each connection that it tried.
type outgoing struct {
	mu      sync.Mutex
	conns   int           // that the request was given to
	written int           // of these, those that are done with it
	changed chan struct{} // holds one token when written has changed
}

func newOutgoing() *outgoing { return &outgoing{changed: make(chan struct{}, 1)} }

func (o *outgoing) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.conns++
		},
		WroteRequest: func(httptrace.WroteRequestInfo) { // with an error too
			o.mu.Lock()
			o.written++
			o.mu.Unlock()
			select {
			case o.changed <- struct{}{}:
			default:
			}
		},
	}
}

// connected reports whether there was a connection to send the request on.
func (o *outgoing) connected() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.conns > 0
}

func (o *outgoing) done() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written >= o.conns
}

// letGoIn is the time that net/http gets to say so once the call has ended. It closes a connection whose answer came before
// the whole request was written after 50 ms. A request that lay ready for a connection that broke is never written at all.
const letGoIn = 100 * time.Millisecond

// letGo reports whether nothing reads the request's body any more. Call it after the call has ended: net/http then tries
// no other connection.
func (o *outgoing) letGo() bool {
	if o.done() {
		return true
	}
	late := time.NewTimer(letGoIn)
	defer late.Stop()
	for {
		select {
		case <-o.changed:
			if o.done() {
				return true
			}
		case <-late.C:
			return o.done()
		}
	}
}
