package enqueue

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Tail reads new events once for all streams of this process, as long as there are any, and keeps the newest of them.
// The ledger is asked for the events of those producers alone whom somebody follows.
type Tail struct {
	events Events
	every  time.Duration

	mu        sync.Mutex
	followers map[*Subscription]bool
	at        int64            // the place that it has come to
	covers    map[string]int64 // the place from which on it has read all events of a producer; "": of everybody
	kept      []tasks.Event    // the newest that were read, in their order
	dropped   int64            // Seq of the newest one that is kept no more
	stop      context.CancelFunc

	news chan struct{} // it is time to look
}

// tailKeeps is how many events are kept for streams that lag behind. One that lags further reads for itself.
const (
	tailKeeps = 1000
	tailPage  = 500 // events that are read at once
)

// Events reads the events in the order of their commits, without gaps.
type Events interface {
	Events(ctx context.Context, f tasks.EventFilter) (tasks.EventPage, error)
	EventsEnd(ctx context.Context) (int64, error)
}

// Subscription is one stream's.
type Subscription struct {
	producer string // whose events; "": everybody's
	// News gets a value when there may be more.
	News chan struct{}
}

// NewTail returns a tail that looks at least so often, and when Wake is called.
func NewTail(events Events, every time.Duration) *Tail {
	return &Tail{events: events, every: every, followers: map[*Subscription]bool{}, covers: map[string]int64{}, news: make(chan struct{}, 1)}
}

// Follow begins a subscription. Its News get a value when Take may have more. leave ends it.
func (t *Tail) Follow(producer string) (s *Subscription, leave func()) {
	s = &Subscription{producer: producer, News: make(chan struct{}, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.followers[s] = true
	if t.stop == nil {
		ctx, cancel := context.WithCancel(context.Background())
		t.stop = cancel
		go t.run(ctx)
	}
	return s, func() { t.leave(s) }
}

func (t *Tail) leave(s *Subscription) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.followers, s)
	if len(t.followers) == 0 && t.stop != nil {
		t.stop()
		t.stop = nil
	}
}

// Wake makes it read at once. It never blocks.
func (t *Tail) Wake() {
	select {
	case t.news <- struct{}{}:
	default: // it is about to look anyway
	}
}

// Take returns what happened behind a place to the producer of a subscription, and the place behind that. It returns
// false where the tail has not read or no longer keeps all of it: then the stream reads for itself.
func (t *Tail) Take(s *Subscription, after int64) ([]tasks.Event, int64, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	from, covered := t.covers[s.producer]
	if !covered || after < from || after < t.dropped {
		return nil, after, false
	}
	var es []tasks.Event
	for _, e := range t.kept {
		if e.Seq > after && (s.producer == "" || e.Producer == s.producer) {
			es = append(es, e)
		}
	}
	return es, max(after, t.at), true
}

// run reads new events until ctx ends. While the ledger is away it tells nothing.
func (t *Tail) run(ctx context.Context) {
	ticks := time.NewTicker(t.every)
	defer ticks.Stop()
	if !t.begin(ctx, ticks.C) {
		return
	}
	for {
		for t.read(ctx) { // there is more
		}
		select {
		case <-ctx.Done():
			return
		case <-t.news:
		case <-ticks.C:
		}
	}
}

// begin finds the place to go on from.
func (t *Tail) begin(ctx context.Context, ticks <-chan time.Time) bool {
	for {
		if end, err := t.events.EventsEnd(ctx); err == nil {
			t.mu.Lock()
			defer t.mu.Unlock()
			if ctx.Err() != nil {
				return false
			}
			t.at, t.dropped, t.kept = end, end, nil
			clear(t.covers)
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-ticks:
		}
	}
}

// read reads one page, and reports whether there may be more.
func (t *Tail) read(ctx context.Context) bool {
	page, err := t.events.Events(ctx, t.next())
	if err != nil {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil { // another one runs by now
		return false
	}
	if page.Next == t.at {
		return false
	}
	t.at = page.Next
	t.kept = append(t.kept, page.Events...)
	if over := len(t.kept) - tailKeeps; over > 0 {
		t.dropped = t.kept[over-1].Seq
		t.kept = slices.Clone(t.kept[over:])
	}
	if len(page.Events) > 0 {
		t.tell()
	}
	return page.More
}

// next is the page to read: the events of all who are followed. What is read from now on covers them.
func (t *Tail) next() tasks.EventFilter {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := tasks.EventFilter{After: t.at, Limit: tailPage}
	followed, all := map[string]bool{}, false
	for s := range t.followers {
		followed[s.producer] = true
		all = all || s.producer == ""
	}
	for producer := range t.covers {
		if !followed[producer] {
			delete(t.covers, producer)
		}
	}
	for producer := range followed {
		if _, covered := t.covers[producer]; !covered {
			t.covers[producer] = t.at
			t.tell()
		}
		if !all {
			f.Producers = append(f.Producers, producer)
		}
	}
	slices.Sort(f.Producers)
	return f
}

// tell wakes the streams.
func (t *Tail) tell() {
	for s := range t.followers {
		select {
		case s.News <- struct{}{}:
		default: // it has yet to look
		}
	}
}

// End returns the place behind the last event.
func (t *Tail) End(ctx context.Context) (int64, error) { return t.events.EventsEnd(ctx) }
