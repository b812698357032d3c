package enqueue

import (
	"context"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// sameBelt reports whether the belt is there, and makes up for it when it is another one than it was: then all that
// had been put on it was lost. It is asked before each filling, so that nothing is put on a belt that is not known.
func (s *shift) sameBelt(ctx context.Context) bool {
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

func (s *shift) knownEpoch(ctx context.Context) bool {
	return s.epoch != "" || s.ask(ctx, func() (err error) {
		s.epoch, err = s.Ledger.BeltEpoch(ctx)
		return err
	})
}

// startOver takes back what was on a lost belt. The new epoch is recorded last: after a crash in between it is done again.
func (s *shift) startOver(ctx context.Context, epoch string) bool {
	s.Belt.Renew()
	s.unsent = nil // comes back from the ledger as well
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
	s.epoch = epoch
	return true
}

// fill puts on the belt what there is room for. What did not arrive goes back to the ledger.
func (s *shift) fill(ctx context.Context) {
	var out, left []tasks.Dispatch
	s.ask(ctx, func() (err error) {
		out, err = s.Ledger.Dispatch(ctx, s.Window)
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

// takeBack returns dispatched uploads to the ledger, even on the way down.
func (s *shift) takeBack(ctx context.Context, left []tasks.Dispatch) int {
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

// deliver puts webhook deliveries on the belt, those first that did not get there the last time.
func (s *shift) deliver(ctx context.Context) {
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

// carry makes one call of the belt, and reports whether it succeeded.
func (s *shift) carry(ctx context.Context, call func(context.Context) error) bool {
	limited, cancel := context.WithTimeout(ctx, beltPatience)
	defer cancel()
	err := call(limited)
	if ctx.Err() != nil {
		return false
	}
	s.belt.note(err)
	return err == nil
}
