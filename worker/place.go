package worker

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// place is the place of one claimed upload in this worker. It may change.
type place struct {
	memory *budget // for the bytes of its file
	free   func()  // gives the place up; nil: it has none
	alone  bool    // with nothing beside it
	fixing bool    // in the lane of what must be decoded
}

func (p *place) leave() {
	if p.free != nil {
		p.free()
		p.free = nil
	}
}

// placeIn is the place of one upload of a chunk, in the room that was made for all of them.
func (w *Worker) placeIn(r *room, claim tasks.Claim) *place {
	return &place{memory: w.lanes.of(claim.Priority).budget, free: r.leaveOne, alone: claim.Alone()}
}

// enter begins the work on a claimed upload. One that workers died on waits until it has all of the worker.
func (w *Worker) enter(ctx context.Context, claim tasks.Claim, p *place) (err error) {
	if claim.Canceled {
		return canceled()
	}
	if !p.alone {
		return nil
	}
	p.leave()
	if p.free, err = w.lanes.enterAlone(ctx); err != nil {
		return err
	}
	return w.Ledger.Alone(ctx, claim.Token)
}

// stepAside moves an upload whose picture must be decoded to the lane for that, or says that it should come again later.
func (w *Worker) stepAside(p *place, claim tasks.Claim, f *opened) error {
	if p.alone || len(f.head) == 0 || !w.Fixer.Decodes(f.head, f.Size, claim.Type) {
		return nil
	}
	free, err := w.lanes.fixing.enter(claim)
	if err != nil {
		return err
	}
	p.leave()
	p.free, p.memory, p.fixing = free, w.lanes.fixing.bodies, true
	return nil
}
