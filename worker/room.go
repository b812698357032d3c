package worker

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

const (
	// roomPerSlot is how many uploads a worker claims for each slot: one that is sent, and one that is read or recorded
	// meanwhile. More would wait here while another worker could send them, and would be lost with this one.
	roomPerSlot = 2
	// roomPatience is how long a chunk waits for room before it goes back to the ledger. The dispatcher takes a chunk for lost
	// that a worker has had for 10 s without a claim.
	roomPatience = 5 * time.Second
)

// room is what the uploads of one chunk take up here, from before they are claimed until they are recorded.
type room struct {
	left atomic.Int64 // places that are not given up yet
	give func(n int64)
}

// makeRoom makes room for the runs of p, for all of them together, before they are claimed. It takes those out of p that
// this worker can never hold beside the others, and gives them back. An error says that there was no room in time, or that
// this worker stops.
func (w *Worker) makeRoom(ctx context.Context, p *tasks.RunPayload) (*room, error) {
	r := &room{give: func(int64) {}}
	if p.Ledger != w.Ledger.ID() || p.Deaths >= tasks.AloneAfter { // the one is refused; the other waits for all of the worker later
		return r, nil
	}
	lane := w.lanes.of(p.Priority)
	if most := int(lane.rooms.size); len(p.Runs) > most {
		if err := w.giveBack(ctx, p.Runs[most:]); err != nil { // the dispatcher misses them in some seconds
			w.log.DebugContext(ctx, "uploads without room were not given back", "count", len(p.Runs)-most, "error", err)
		}
		p.Runs = p.Runs[:most]
	}
	ctx, cancel := context.WithTimeout(ctx, roomPatience)
	defer cancel()
	n := int64(len(p.Runs))
	give, err := lane.enter(ctx, p.Account, n, p.Deaths > 0)
	if err != nil {
		return nil, err
	}
	r.give = give
	r.left.Store(n)
	return r, nil
}

// keep gives up all but n places.
func (r *room) keep(n int) {
	if rest := r.left.Load() - int64(n); rest > 0 {
		r.left.Add(-rest)
		r.give(rest)
	}
}

// leaveOne gives up the place of one upload. It does nothing in a room that has no places.
func (r *room) leaveOne() {
	if r.left.Add(-1) >= 0 {
		r.give(1)
	}
}

// leave gives up the places that are left.
func (r *room) leave() { r.keep(0) }
