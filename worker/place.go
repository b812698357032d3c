package worker

import (
	"context"

	"github.com/mediaferry/mediaferry/tasks"
)

// place is the place of one upload in this worker. It may change, and is given up once.
type place struct {
	memory *budget // for the bytes of its file
	free   func()  // gives the place up
	alone  bool    // with nothing beside it
	fixing bool    // in the lane of what must be decoded
}

func (p *place) leave() { p.free() }

// enter waits for a place: an ordinary upload takes one, an upload that workers died on takes them all.
func (w *Worker) enter(ctx context.Context, claim tasks.Claim) (*place, error) {
	if claim.Canceled {
		return nil, canceled()
	}
	p := &place{memory: w.lanes.of(claim.Priority).budget, alone: claim.Alone()}
	var err error
	if !p.alone {
		p.free, err = w.lanes.enter(ctx, claim)
		return p, err
	}
	if p.free, err = w.lanes.enterAlone(ctx); err != nil {
		return nil, err
	}
	if err := w.Ledger.Alone(ctx, claim.Token); err != nil {
		p.leave()
		return nil, err
	}
	return p, nil
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
