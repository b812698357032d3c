package worker

import (
	"context"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Why a context of an upload ended.
var (
	errLeaseLost = tasks.Textf("the lease of this upload ran out, or another worker has claimed it")
	errStopping  = tasks.Textf("this worker is shutting down")
)

// leases renews all claims of this process, in one call for all, and ends the context of those that were lost or
// canceled. A claim whose lease could not be renewed ends at a deadline that was taken before the last renewal was
// sent, by the monotonic clock: this worker has let go by the time that the ledger may give the upload to another.
type leases struct {
	ledger Claims
	lease  time.Duration
	gate   *gate
	stop   context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	held map[tasks.Token]*heldLease
}

type heldLease struct {
	cancel context.CancelCauseFunc
	expiry *time.Timer     // cancels by itself
	done   <-chan struct{} // closed when its context has ended
	ended  time.Time       // when that was noticed; zero: not yet
}

const (
	// renewals is how often a lease is renewed in its time. With the default lease of 10 s a request to cancel is seen
	// within 2 s, and four renewals may fail before the lease is lost.
	renewals = 5
	// afterEnd is how many leases long a claim whose context has ended is renewed still: enough to record how it ended.
	// One that hangs in a system call, as on a mount that is gone, then goes to another worker.
	afterEnd = 3
)

func newLeases(ledger Claims, lease time.Duration, g *gate) *leases {
	ctx, stop := context.WithCancel(context.Background())
	l := &leases{ledger: ledger, lease: lease, gate: g, stop: stop, done: make(chan struct{}), held: map[tasks.Token]*heldLease{}}
	go l.run(ctx)
	return l
}

func (l *leases) close() {
	l.stop()
	<-l.done
}

// keep renews the claim until drop is called. The context that it returns ends when the claim is lost, or when somebody asked
// to cancel it; its cause says which. until is the end of the lease if no renewal succeeds, taken before the claim was sent.
func (l *leases) keep(ctx context.Context, claim tasks.Token, until time.Time) (_ context.Context, drop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	expiry := time.AfterFunc(time.Until(until), func() { cancel(errLeaseLost) })
	l.mu.Lock()
	l.held[claim] = &heldLease{cancel: cancel, expiry: expiry, done: ctx.Done()}
	l.mu.Unlock()
	return ctx, func() {
		expiry.Stop()
		l.mu.Lock()
		delete(l.held, claim)
		l.mu.Unlock()
		cancel(nil)
	}
}

// count is how many claims are held.
func (l *leases) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

func (l *leases) run(ctx context.Context) {
	defer close(l.done)
	tick := time.NewTicker(l.lease / renewals)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			l.renew(ctx)
		}
	}
}

func (l *leases) renew(ctx context.Context) {
	tokens := l.tokens()
	if len(tokens) == 0 {
		return
	}
	sent := time.Now()
	ctx, cancel := context.WithTimeout(ctx, l.lease/2)
	defer cancel()
	renewal, err := l.ledger.Renew(ctx, tokens, l.lease)
	if err != nil {
		l.gate.shut(err)
		return
	}
	l.apply(renewal, tokens, sent)
}

// tokens lists the claims to renew.
func (l *leases) tokens() []tasks.Token {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	tokens := make([]tasks.Token, 0, len(l.held))
	for t, h := range l.held {
		if h.letGo(now, afterEnd*l.lease) {
			continue
		}
		tokens = append(tokens, t)
	}
	return tokens
}

// letGo reports whether the claim's context ended longer than patience ago.
func (h *heldLease) letGo(now time.Time, patience time.Duration) bool {
	select {
	case <-h.done:
	default:
		return false
	}
	if h.ended.IsZero() {
		h.ended = now
	}
	return now.Sub(h.ended) > patience
}

func (l *leases) apply(r tasks.Renewal, asked []tasks.Token, sent time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range asked {
		if h := l.held[t]; h != nil {
			h.expiry.Reset(time.Until(sent.Add(l.lease)))
		}
	}
	l.cancel(r.Lost, errLeaseLost)
	l.cancel(r.Canceled, canceled())
}

func (l *leases) cancel(tokens []tasks.Token, cause error) {
	for _, t := range tokens {
		if h := l.held[t]; h != nil {
			h.cancel(cause)
		}
	}
}
