package enqueue

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// sameBelt reports whether the belt is there. If it is another one than before, everything on it was lost, and sameBelt
// starts over. Call it before each filling.
func (s *scheduler) sameBelt(ctx context.Context) bool {
	var epoch string
	ok := s.carry(ctx, func(ctx context.Context) (err error) {
		epoch, err = s.Belt.Epoch(ctx)
		return err
	})
	if !ok || !s.knownEpoch(ctx) {
		return false
	}
	return epoch == s.epoch || s.startOver(ctx, epoch)
}

func (s *scheduler) knownEpoch(ctx context.Context) bool {
	return s.epoch != "" || s.ask(ctx, func() (err error) {
		s.epoch, err = s.Ledger.BeltEpoch(ctx)
		return err
	})
}

// startOver makes the uploads of a lost belt ready again. It records the new epoch last, so that it is repeated after a
// crash.
func (s *scheduler) startOver(ctx context.Context, epoch string) bool {
	s.Belt.Renew()
	s.unsent = nil // the ledger hands them out again
	var back int
	ok := s.ask(ctx, func() (err error) {
		if back, err = s.Ledger.UndispatchAll(ctx); err != nil {
			return err
		}
		return s.Ledger.SetBeltEpoch(ctx, epoch)
	})
	if !ok {
		return false
	}
	if s.epoch != "" || back > 0 {
		s.Log.Warn("redis has lost its tasks: they are sent again", "count", back)
	}
	if s.epoch != "" {
		s.slotsKept = time.Now().Add(slotsLast)
	}
	s.epoch = epoch
	return true
}

// fill puts as many chunks on the belt as the window allows. Chunks that did not arrive go back to the ledger.
func (s *scheduler) fill(ctx context.Context) {
	s.askSlots(ctx)
	var out, left []tasks.Chunk
	s.ask(ctx, func() (err error) {
		out, err = s.Ledger.Dispatch(ctx, s.window)
		return err
	})
	if len(out) == 0 {
		return
	}
	s.stayAwake()
	s.carry(ctx, func(ctx context.Context) (err error) {
		left, err = s.Belt.Put(ctx, s.Ledger.ID(), out)
		return err
	})
	s.takeBack(ctx, left)
}

// askSlots finds out now and then how much the workers can do at once. Where Redis does not tell, what it told last
// counts; so it does for a while where Redis has lost what the workers had told it: they repeat it every few seconds.
func (s *scheduler) askSlots(ctx context.Context) {
	now := time.Now()
	if now.Before(s.slotsDue) {
		return
	}
	s.slotsDue = now.Add(slotsEvery)
	n, err := s.Belt.Slots(ctx)
	if err != nil {
		return
	}
	if n.Bulk+n.Interactive == 0 { // a worker may start any moment
		s.slotsDue = now.Add(busyPause)
	}
	if now.Before(s.slotsKept) {
		n.Bulk, n.Interactive = max(n.Bulk, s.window.BulkSlots), max(n.Interactive, s.window.InteractiveSlots)
	}
	s.window.BulkSlots, s.window.InteractiveSlots = max(n.Bulk, s.SlotsAhead), max(n.Interactive, s.SlotsAhead)
	s.window.ChunkMost = max(1, n.Least/2)
}

// takeBack makes dispatched uploads ready again, also while the process ends, and returns their number.
func (s *scheduler) takeBack(ctx context.Context, left []tasks.Chunk) int {
	if len(left) == 0 {
		return 0
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	var n int
	s.ask(ctx, func() (err error) {
		n, err = s.Ledger.Undispatch(ctx, left)
		return err
	})
	return n
}

// deliver puts webhook deliveries on the belt. Those that did not get there the last time come first.
func (s *scheduler) deliver(ctx context.Context) {
	if len(s.unsent) == 0 {
		s.ask(ctx, func() (err error) {
			s.unsent, err = s.Ledger.DispatchDeliveries(ctx, s.Deliveries)
			return err
		})
	}
	if len(s.unsent) == 0 {
		return
	}
	s.stayAwake()
	s.carry(ctx, func(ctx context.Context) (err error) {
		s.unsent, err = s.Belt.PutDeliveries(ctx, s.Ledger.ID(), s.unsent)
		return err
	})
}
