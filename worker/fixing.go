package worker

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// fixing is the lane of uploads whose picture must be decoded to make it fit. That takes a processor for seconds, and
// hundreds of megabytes. So they have few places, and slots and memory of their own, and never delay other uploads. It is
// safe for concurrent use.
type fixing struct {
	places *shares // in this worker; who finds none comes again later
	slots  *shares // to decode in
	bodies *budget // for the bytes of their files
	pixels *shares // bytes, for what decoding takes beside them
	turns  turns
}

const (
	// fixCPUs is how many processors there must be for one more picture to be decoded at once; and as many again of accounts
	// that have none there.
	fixCPUs = 4
	// fixPlaces is how many uploads are here at once, and as many again of accounts that hold less than their even share. A
	// worker of few slots has fewer: each place is a task of the belt that can carry nothing else meanwhile.
	fixPlaces = 4
	// bodiesShare and pixelsShare are the shares of the memory that are kept for them: an eighth and a quarter. A picture
	// that takes more than that is alone in this lane.
	bodiesShare = 8
	pixelsShare = 4
)

func newFixing(c Config) fixing {
	places := int64(min(fixPlaces, max(1, c.Slots/2)))
	slots := int64(max(1, runtime.GOMAXPROCS(0)/fixCPUs))
	return fixing{
		places: newShares(places, places), slots: newShares(slots, slots),
		bodies: newBudget(c.Memory / bodiesShare), pixels: newShares(c.Memory/pixelsShare, 0),
		turns: turns{each: c.HandBack / firstTurns, side: time.Duration(slots)},
	}
}

// enter takes a place, or says that the upload should come again later.
func (f *fixing) enter(claim tasks.Claim) (leave func(), err error) {
	if leave = f.places.try(fixer(claim), 1); leave == nil {
		return nil, &tasks.Error{
			Code: tasks.Busy, Op: "make the picture fit", Err: tasks.Textf("others are made to fit first"), RetryAfter: f.turns.next(time.Now()),
		}
	}
	return leave, nil
}

// fixer names whose picture it is. Interactive uploads come in between those of the same account.
func fixer(claim tasks.Claim) string { return claim.Priority.String() + " " + claim.Account }

// turns gives each upload that found no place a time of its own, at the pace at which pictures are made to fit: they do
// not all come again at once.
type turns struct {
	mu   sync.Mutex
	last time.Time     // that was given
	each time.Duration // from one to the next
	side time.Duration // how many go side by side
}

const (
	// turnMost bounds how far ahead times are given: nobody knows what the pictures are like that come before.
	turnMost = time.Minute
	// firstTurns is how many come in the time of Config.HandBack before it is known how long one takes.
	firstTurns = 5
)

// next is how long the upload should stay away.
func (t *turns) next(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last.Before(now) {
		t.last = now
	}
	t.last = t.last.Add(t.each)
	if limit := now.Add(turnMost); t.last.After(limit) {
		t.last = limit
	}
	return t.last.Sub(now)
}

// took notes how long one picture took: of the last ones, the latest counts most.
func (t *turns) took(d time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.each = max((3*t.each+d/t.side)/4, time.Millisecond)
}

// fix makes b fit. Where that takes memory, it waits for a slot and for that, and ends after Config.FixTime.
func (w *Worker) fix(ctx context.Context, claim tasks.Claim, b []byte) (fixed []byte, did string, err error) {
	memory := w.Fixer.Memory(b, claim.Type)
	if memory == 0 {
		return w.Fixer.Fix(ctx, b, claim.Type)
	}
	f := &w.lanes.fixing
	leave, err := f.slots.take(ctx, fixer(claim), 1)
	if err != nil {
		return nil, "", err
	}
	defer leave()
	free, err := f.pixels.take(ctx, fixer(claim), memory)
	if err != nil {
		return nil, "", err
	}
	defer free()
	began := time.Now()
	defer func() { f.turns.took(time.Since(began)) }()
	ctx, cancel := context.WithTimeoutCause(ctx, w.cfg.FixTime, tasks.Textf("it was not done within %s", w.cfg.FixTime))
	defer cancel()
	return w.Fixer.Fix(ctx, b, claim.Type)
}
