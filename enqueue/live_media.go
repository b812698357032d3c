package enqueue

import (
	"cmp"
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/mediaferry/mediaferry/tasks"
)

// MediaBook has the media that producers ask for. None of its calls waits for a list.
type MediaBook interface {
	// AskedMedia returns what is known of the upload by which a producer asked for a media under that external ID. Its Live
	// lives for at least fresh. It returns NotFound where there is no such upload.
	AskedMedia(ctx context.Context, producer, externalID string, fresh time.Duration) (tasks.AskedMedia, error)
	// Awaited returns those of the uploads that exist.
	Awaited(ctx context.Context, ids []uuid.UUID) ([]tasks.Outcome, error)
}

// LiveMedia is what the producers of one process share to answer with live media. It is safe for concurrent use; don't
// change its fields after first use.
type LiveMedia struct {
	// Sources looks at sources. Nil: no source can be looked at here.
	Sources Sources
	// Fresh is how long a media must still live to be an answer. Zero: 2 h.
	Fresh time.Duration

	looks flights
	waits waits
	stats stats
	mu    sync.Mutex
	turns map[string]*semaphore.Weighted // to look something up, by producer
}

const (
	// freshMargin is what LiveMedia.Fresh is by default.
	freshMargin = 2 * time.Hour
	// maxLookups is how many look-ups of one producer are under way at once. The others stand in line.
	maxLookups = 2
	// lookTime bounds one look, with its time in that line.
	lookTime = 30 * time.Second
)

// NewLiveMedia returns one for producers of that ledger.
func NewLiveMedia(l MediaBook) *LiveMedia {
	return &LiveMedia{
		looks: flights{under: map[string]*flight{}}, waits: waits{ledger: l, by: map[uuid.UUID]*awaited{}, news: make(chan struct{}, 1)},
		stats: newStats(), turns: map[string]*semaphore.Weighted{},
	}
}

// Woken tells those who wait what is new: ledger.Follow takes it. Without it they look by themselves, at least once a second.
func (l *LiveMedia) Woken(news tasks.Wake) {
	if news.Has(tasks.WakeEvents) {
		l.waits.wake()
	}
}

// Await returns an upload when it has its outcome, when it is hopeless to wait, or as it is when ctx ends. It returns NotFound
// where it does not exist. Whose upload it is, the caller has checked.
func (l *LiveMedia) Await(ctx context.Context, id uuid.UUID) (tasks.Outcome, error) {
	return l.waits.of(ctx, id)
}

func (l *LiveMedia) fresh() time.Duration { return cmp.Or(l.Fresh, freshMargin) }

// recorded looks up what a producer asks for. Its look-ups take turns, so that they leave the ledger to others, too.
func (l *LiveMedia) recorded(ctx context.Context, book MediaBook, u tasks.Upload) (tasks.AskedMedia, error) {
	turns := l.turnsOf(u.Producer)
	if err := turns.Acquire(ctx, 1); err != nil {
		return tasks.AskedMedia{}, &tasks.Error{Code: tasks.TooMany, Op: "look up media", Err: tasks.Textf("too many media are asked for at once"), RetryAfter: time.Second}
	}
	defer turns.Release(1)
	return book.AskedMedia(ctx, u.Producer, u.ExternalID, l.fresh())
}

func (l *LiveMedia) turnsOf(producer string) *semaphore.Weighted {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.turns[producer]
	if s == nil {
		s = semaphore.NewWeighted(maxLookups)
		l.turns[producer] = s
	}
	return s
}

// flights let all who ask for the same thing share one answer. Whoever comes while a look is under way gets the answer of
// the next one: the one under way may have seen what was there before he asked.
type flights struct {
	mu    sync.Mutex
	under map[string]*flight
}

// flight is one look, and the one that follows it.
type flight struct {
	look func(context.Context) (looked, error)
	next *flight // nil: nobody waits for it
	done chan struct{}
	l    looked
	err  error
}

// share returns the answer of a look that began after it was called. look is not given up when ctx ends, since others may
// wait for it.
func (f *flights) share(ctx context.Context, key string, look func(context.Context) (looked, error)) (looked, error) {
	mine := f.board(context.WithoutCancel(ctx), key, look)
	select {
	case <-mine.done:
		return mine.l, mine.err
	case <-ctx.Done():
		return looked{}, &tasks.Error{Code: tasks.Unavailable, Op: "look up media", Err: ctx.Err()}
	}
}

func (f *flights) board(ctx context.Context, key string, look func(context.Context) (looked, error)) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	under := f.under[key]
	if under != nil && under.next != nil {
		return under.next
	}
	mine := &flight{look: look, done: make(chan struct{})}
	if under != nil {
		under.next = mine
		return mine
	}
	f.under[key] = mine
	go f.fly(ctx, key, mine)
	return mine
}

// fly looks, again and again while somebody waits for the next look.
func (f *flights) fly(ctx context.Context, key string, at *flight) {
	for at != nil {
		at.l, at.err = at.run(ctx)
		close(at.done)
		f.mu.Lock()
		if at = at.next; at != nil {
			f.under[key] = at
		} else {
			delete(f.under, key)
		}
		f.mu.Unlock()
	}
}

// run looks once. A panic fails those who share this look, and nobody else.
func (f *flight) run(ctx context.Context) (l looked, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = &tasks.Error{Code: tasks.Internal, Op: "look up media", Err: tasks.Textf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return f.look(ctx)
}
