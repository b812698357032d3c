package enqueue

import (
	"context"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Pipelined returns a client that sends concurrent calls of scripts together. asynq enqueues, looks up and completes each
// task with a script; calls from many goroutines share round trips this way. A single call is sent at once.
func Pipelined(c redis.UniversalClient) redis.UniversalClient {
	return &pipelined{UniversalClient: c}
}

const (
	// pipeLength bounds the calls of one round trip, so that no call waits long for the others.
	pipeLength = 256
	// pipePatience is how long calls gather while a round trip is under way. Where Redis is nearby, that one has ended by
	// then. Where it is far away, another round trip begins, of tripsAtOnce at most.
	pipePatience = 2 * time.Millisecond
	tripsAtOnce  = 16
)

type pipelined struct {
	redis.UniversalClient
	mu      sync.Mutex
	waiting []*scriptCall
	sending int // goroutines that are in send
}

type scriptCall struct {
	sha  string
	keys []string
	args []any
	done chan *redis.Cmd
}

// EvalSha returns when ctx ends. The call may have been made all the same, as with a broken connection.
func (p *pipelined) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	call := &scriptCall{sha, keys, args, make(chan *redis.Cmd, 1)}
	p.mu.Lock()
	p.waiting = append(p.waiting, call)
	start, first := p.sending == 0, len(p.waiting) == 1
	if start {
		p.sending++
	}
	p.mu.Unlock()
	others := context.WithoutCancel(ctx) // the calls of others must not end with this one's context
	switch {
	case start:
		go p.send(others)
	case first:
		time.AfterFunc(pipePatience, func() { p.hurry(others) })
	}
	select {
	case cmd := <-call.done:
		return cmd
	case <-ctx.Done():
		cmd := redis.NewCmd(ctx)
		cmd.SetErr(ctx.Err())
		return cmd
	}
}

// hurry begins another round trip for the calls that wait.
func (p *pipelined) hurry(ctx context.Context) {
	p.mu.Lock()
	start := len(p.waiting) > 0 && p.sending < tripsAtOnce
	if start {
		p.sending++
	}
	p.mu.Unlock()
	if start {
		p.send(ctx)
	}
}

// send makes round trips until no call waits. The calls for the next round trip gather while one is under way.
func (p *pipelined) send(ctx context.Context) {
	for {
		calls := p.take()
		if len(calls) == 0 {
			return
		}
		pipe := p.Pipeline()
		cmds := make([]*redis.Cmd, len(calls))
		for i, c := range calls {
			cmds[i] = pipe.EvalSha(ctx, c.sha, c.keys, c.args...)
		}
		_, _ = pipe.Exec(ctx) // each command carries its own error
		for i, c := range calls {
			c.done <- cmds[i]
		}
	}
}

func (p *pipelined) take() []*scriptCall {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.waiting), pipeLength)
	calls := p.waiting[:n:n]
	p.waiting = p.waiting[n:]
	if n == 0 {
		p.sending--
	}
	return calls
}
