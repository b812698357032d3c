package worker

import (
	"context"
	"sync"
	"time"
)

// While one upload runs alone the worker does nothing else, and it must wait first until the others have ended. So uploads
// that run alone do so in a row: when one ends, the places are kept for a moment for the next one. A row is short, so that
// other uploads get their turn between two rows.
const (
	soloGap = 100 * time.Millisecond
	soloRow = 2 * time.Second
)

// alone has all places where an account would have some.
const alone = "alone"

// solo is whose turn it is to be alone, and what is left over from the one before.
type solo struct {
	turn chan struct{} // holds one token while an upload is alone, or waits to be

	mu    sync.Mutex
	since time.Time   // when this row began
	ended time.Time   // when the last of a row left
	kept  *time.Timer // gives up the places that are kept for the next one; nil: no places are kept
}

// enterAlone waits until nothing else is in any lane. Until leave is called nothing comes in.
func (l *lanes) enterAlone(ctx context.Context) (leave func(), err error) {
	select {
	case l.solo.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if !l.solo.goOn() {
		if err := l.takeAll(ctx); err != nil {
			<-l.solo.turn
			return nil, err
		}
		l.solo.begin()
	}
	return func() {
		if !l.solo.keep(l.giveAll) {
			l.giveAll()
		}
		<-l.solo.turn
	}, nil
}

// takeAll takes every place of all lanes, always in the same order. Right after a row it comes in by the door of bulk
// work, behind those that have waited there.
func (l *lanes) takeAll(ctx context.Context) error {
	if l.solo.rested() < soloRow {
		if err := l.bulk.door.Acquire(ctx, 1); err != nil {
			return err
		}
		defer l.bulk.door.Release(1)
	}
	if err := l.bulk.places.Acquire(ctx, l.bulk.size); err != nil {
		return err
	}
	if err := l.interactive.places.Acquire(ctx, l.interactive.size); err != nil {
		l.bulk.places.Release(l.bulk.size)
		return err
	}
	// Nobody is on the way there any more but those who are there.
	if _, err := l.fixing.places.take(ctx, alone, l.fixing.places.size); err != nil {
		l.interactive.places.Release(l.interactive.size)
		l.bulk.places.Release(l.bulk.size)
		return err
	}
	return nil
}

func (l *lanes) giveAll() {
	l.fixing.places.give(alone, l.fixing.places.size)
	l.interactive.places.Release(l.interactive.size)
	l.bulk.places.Release(l.bulk.size)
}

func (s *solo) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Now()
}

// rested returns the time since the last row ended.
func (s *solo) rested() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Since(s.ended)
}

// goOn takes over the places that were kept, and reports whether there were any.
func (s *solo) goOn() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		return false
	}
	s.kept.Stop()
	s.kept = nil
	return true
}

// keep keeps the places for the next one for a moment, and then gives them up. It returns false at the end of a row.
func (s *solo) keep(give func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = time.Now()
	if s.ended.Sub(s.since) >= soloRow {
		return false
	}
	var kept *time.Timer
	kept = time.AfterFunc(soloGap, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.kept == kept { // the next one did not come
			s.kept = nil
			give()
		}
	})
	s.kept = kept
	return true
}
