package enqueue

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// A belt may lose single tasks too: a key that was deleted, a second that a failover forgot, a worker that died
// between taking a task and claiming its upload. Their age proves nothing, since a belt may be slow, and doubling
// what is on a slow belt makes it slower. So Redis is asked for each of them.
const (
	inspectEvery = time.Second
	inspectAge   = time.Second      // what is younger is likely to be claimed any moment
	againAfter   = 4 * time.Second  // when to ask again for one that is well
	goneFor      = 3 * time.Second  // a former leader may still be putting it there
	activeFor    = 10 * time.Second // a worker claims what it is given at once
)

// stop is one generation of an upload on the belt.
type stop struct {
	id         uuid.UUID
	generation int
}

// sighting is what was found out about it.
type sighting struct {
	place Place
	since time.Time // when it was first found there
	next  time.Time // when to ask again
}

// inspect looks at what was dispatched and not claimed, and takes back what is lost.
func (s *shift) inspect(ctx context.Context) {
	now := time.Now()
	if now.Before(s.inspectDue) {
		return
	}
	s.inspectDue = now.Add(inspectEvery)
	var rows []tasks.Dispatch
	ok := s.ask(ctx, func() (err error) {
		rows, err = s.Ledger.OnBelt(ctx, inspectAge, s.Window.Bulk+s.Window.Interactive)
		return err
	})
	if !ok || !s.look(ctx, rows, now) {
		return
	}
	if n := s.takeBack(ctx, s.lost(rows, now)); n > 0 {
		s.stayAwake()
		s.Log.Warn("tasks were lost in redis: they are sent again", "count", n)
	}
}

// look asks the belt for the rows that it is time to ask for, and remembers what it says, of those rows alone.
func (s *shift) look(ctx context.Context, rows []tasks.Dispatch, now time.Time) bool {
	seen := make(map[stop]sighting, len(rows))
	var ask []tasks.Dispatch
	for _, d := range rows {
		at := stop{d.ID, d.Generation}
		was, known := s.sightings[at]
		if known {
			seen[at] = was
		}
		if !known || !now.Before(was.next) {
			ask = append(ask, d)
		}
	}
	s.sightings = seen
	if len(ask) == 0 {
		return true
	}
	var places []Place
	ok := s.carry(ctx, func(ctx context.Context) (err error) {
		places, err = s.Belt.Look(ctx, ask)
		return err
	})
	if !ok {
		return false
	}
	for i, d := range ask {
		at := stop{d.ID, d.Generation}
		seen[at] = seen[at].found(places[i], now)
	}
	return true
}

func (was sighting) found(p Place, now time.Time) sighting {
	if was.since.IsZero() || was.place != p {
		was = sighting{place: p, since: now}
	}
	was.next = now
	if p == PlacePending {
		was.next = now.Add(againAfter)
	}
	return was
}

// lost returns the rows whose worker is silent, and those that have been gone, or active without a claim, for too long.
func (s *shift) lost(rows []tasks.Dispatch, now time.Time) []tasks.Dispatch {
	var lost []tasks.Dispatch
	for _, d := range rows {
		seen := s.sightings[stop{d.ID, d.Generation}]
		there := now.Sub(seen.since)
		switch {
		case seen.place == PlaceSilent, seen.place == PlaceGone && there >= goneFor, seen.place == PlaceActive && there >= activeFor:
			lost = append(lost, d)
		}
	}
	return lost
}
