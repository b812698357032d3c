package enqueue

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// A belt may lose single tasks too: a key that was deleted, a second that a failover forgot, a worker that died
// between taking a task and claiming its uploads. Their age proves nothing, since a belt may be slow, and doubling
// what is on a slow belt makes it slower. So Redis is asked for each of them.
const (
	recoverEvery = time.Second
	recoverAge   = time.Second      // what is younger is likely to be claimed any moment
	againAfter   = 4 * time.Second  // when to ask again for one that is well
	goneFor      = 3 * time.Second  // a former leader may still be putting it there
	activeFor    = 10 * time.Second // a worker claims what it is given at once
)

// recoverer remembers where tasks were found that nobody claims.
type recoverer struct {
	due  time.Time            // when to look for them again
	seen map[string]foundTask // by task ID
}

// foundTask is what was found out about one of them.
type foundTask struct {
	place Place
	since time.Time // when it was first found there
	next  time.Time // when to ask again
}

func (r *recoverer) forget() { r.seen = nil }

// recover looks for what was dispatched and not claimed, and takes back what is lost.
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

// toAsk returns the chunks that it is time to ask for, and forgets all that are no longer among the unclaimed.
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
