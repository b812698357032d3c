package enqueue

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// A belt may lose single tasks too: a key is deleted, a failover forgets a second, a worker dies between taking a task and
// claiming its uploads. The age of a task proves nothing, since a belt may be slow, and doubling the tasks of a slow belt
// makes it slower. So the recoverer asks Redis for each unclaimed task.
const (
	recoverEvery = time.Second
	recoverAge   = time.Second      // a younger task is likely to be claimed any moment
	againAfter   = 4 * time.Second  // when to ask again for a task that was found
	goneFor      = 3 * time.Second  // after which a missing task is lost; a former leader may still be putting it there
	activeFor    = 10 * time.Second // after which an active task is lost; a worker claims a task at once
)

// recoverer finds dispatched uploads that were lost on the belt. It remembers where unclaimed tasks were found.
type recoverer struct {
	due  time.Time            // when to look for them again
	seen map[string]foundTask // by task ID
}

// foundTask is what Redis said of one task.
type foundTask struct {
	place Place
	since time.Time // when it was first found there
	next  time.Time // when to ask again
}

func (r *recoverer) forget() { r.seen = nil }

// recover looks for the chunks that are dispatched and not claimed, and makes lost ones ready again.
func (s *scheduler) recover(ctx context.Context) {
	r, now := &s.recoverer, time.Now()
	if now.Before(r.due) {
		return
	}
	r.due = now.Add(recoverEvery)
	var unclaimed []tasks.Chunk
	ok := s.ask(ctx, func() (err error) {
		unclaimed, err = s.Ledger.OnBelt(ctx, recoverAge, s.Window.Bulk+s.Window.Interactive)
		return err
	})
	if !ok || !s.locate(ctx, r.toAsk(unclaimed, now), now) {
		return
	}
	if n := s.takeBack(ctx, r.lost(unclaimed, now)); n > 0 {
		s.stayAwake()
		s.Log.Warn("tasks were lost in redis: their uploads are sent again", "count", n)
	}
}

// locate asks the belt where the tasks are, and remembers it.
func (s *scheduler) locate(ctx context.Context, ask []tasks.Chunk, now time.Time) bool {
	if len(ask) == 0 {
		return true
	}
	var places []Place
	ok := s.carry(ctx, func(ctx context.Context) (err error) {
		places, err = s.Belt.Locate(ctx, ask)
		return err
	})
	if !ok {
		return false
	}
	for i, c := range ask {
		s.recoverer.seen[c.Task] = s.recoverer.seen[c.Task].at(places[i], now)
	}
	return true
}

// toAsk returns the chunks that Redis must be asked for now. It forgets chunks that are no longer unclaimed.
func (r *recoverer) toAsk(unclaimed []tasks.Chunk, now time.Time) []tasks.Chunk {
	seen := make(map[string]foundTask, len(unclaimed))
	var ask []tasks.Chunk
	for _, c := range unclaimed {
		was, known := r.seen[c.Task]
		if known {
			seen[c.Task] = was
		}
		if !known || !now.Before(was.next) {
			ask = append(ask, c)
		}
	}
	r.seen = seen
	return ask
}

func (was foundTask) at(p Place, now time.Time) foundTask {
	if was.since.IsZero() || was.place != p {
		was = foundTask{place: p, since: now}
	}
	was.next = now
	if p == PlacePending {
		was.next = now.Add(againAfter)
	}
	return was
}

// lost returns the chunks whose worker is silent, and those that have been gone, or active without a claim, for too long.
func (r *recoverer) lost(unclaimed []tasks.Chunk, now time.Time) []tasks.Chunk {
	var lost []tasks.Chunk
	for _, c := range unclaimed {
		found := r.seen[c.Task]
		there := now.Sub(found.since)
		switch {
		case found.place == PlaceSilent, found.place == PlaceGone && there >= goneFor, found.place == PlaceActive && there >= activeFor:
			lost = append(lost, c)
		}
	}
	return lost
}
