package source

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// patience is how long a storage may take to answer a look at it. A healthy one takes milliseconds; one that is busy may
// take a second or two.
const patience = 3 * time.Second

// probe finds out whether a storage answers, for all who want to know. A mount that hangs blocks whoever looks at it in
// the kernel, a thread each, where no ctx reaches. So there is one look at a time, and whoever else asks waits for its
// answer. It is safe for concurrent use.
type probe struct {
	what string
	look func() error

	mu  sync.Mutex
	now *look // under way; nil: none
}

// look is one look at the storage.
type look struct {
	since time.Time
	over  chan struct{} // closed once err is known
	err   error
}

// answer looks at the storage, and returns what came of it: Storage where nothing did within patience.
func (p *probe) answer(ctx context.Context) error {
	l := p.begin()
	timer := time.NewTimer(time.Until(l.since.Add(patience)))
	defer timer.Stop()
	select {
	case <-l.over:
		return l.err
	case <-timer.C:
		return p.silent(l)
	case <-ctx.Done():
		return fmt.Errorf("ask %s: %w", p.what, context.Cause(ctx))
	}
}

// begin returns the look that is under way, or a new one.
func (p *probe) begin() *look {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now != nil {
		return p.now
	}
	l := &look{since: time.Now(), over: make(chan struct{})}
	p.now = l
	go func() {
		l.err = p.look()
		p.mu.Lock()
		p.now = nil
		p.mu.Unlock()
		close(l.over)
	}()
	return l
}

// hangs returns Storage while a look has had no answer for longer than patience. It looks at nothing itself.
func (p *probe) hangs() error {
	p.mu.Lock()
	l := p.now
	p.mu.Unlock()
	if l == nil || time.Since(l.since) < patience {
		return nil
	}
	return p.silent(l)
}

func (p *probe) silent(l *look) error {
	return &tasks.Error{
		Code: tasks.Storage, Op: "ask " + p.what, Err: tasks.Textf("%w for %s", errSilent, time.Since(l.since).Round(time.Second)),
		Hint: "look at its server and at the network: what is under way there waits in the kernel",
	}
}

var errSilent = tasks.Textf("it did not answer")
