package enqueue

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Calendar brings back what may run again, at most limit rows a call. It returns how many that were.
type Calendar interface {
	// Mature queues what has waited long enough, and fails what has passed its deadline.
	Mature(ctx context.Context, limit int) (int, error)
	// TakeOver queues what a worker left behind: its lease ran out more than grace ago.
	TakeOver(ctx context.Context, grace time.Duration, limit int) (int, error)
}

// Shelf hands out uploads that are ready, and remembers which of them are on the belt.
type Shelf interface {
	// Dispatch marks uploads as under way until the window is full, fairly among accounts, producers and batches.
	Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Chunk, error)
	// Undispatch takes these runs back, unless they were claimed since, and returns how many.
	Undispatch(ctx context.Context, lost []tasks.Chunk) (int, error)
	// OnBelt lists what was dispatched longer than olderThan ago and not claimed yet, the oldest first.
	OnBelt(ctx context.Context, olderThan time.Duration, limit int) ([]tasks.Chunk, error)
}

// Epochs remembers which life of the belt the dispatched uploads are on.
type Epochs interface {
	BeltEpoch(ctx context.Context) (string, error)
	SetBeltEpoch(ctx context.Context, epoch string) error
	// UndispatchAll takes back everything that was dispatched and not claimed, deliveries too.
	UndispatchAll(ctx context.Context) (int, error)
}

// Outbox hands out webhook deliveries that are due, until window of them are on the belt. One that nobody claims
// within a minute is handed out again.
type Outbox interface {
	DispatchDeliveries(ctx context.Context, window int) ([]tasks.DeliveryDispatch, error)
}

// DispatchLedger is all that a Dispatcher needs of the ledger.
type DispatchLedger interface {
	ID() uuid.UUID
	Elector
	Calendar
	Shelf
	Epochs
	Outbox
}

// Conveyor takes to the workers what was dispatched. *Belt is one.
type Conveyor interface {
	Put(ctx context.Context, ledger uuid.UUID, dispatched []tasks.Chunk) (left []tasks.Chunk, err error)
	PutDeliveries(ctx context.Context, ledger uuid.UUID, dispatched []tasks.DeliveryDispatch) (left []tasks.DeliveryDispatch, err error)
	Locate(ctx context.Context, dispatched []tasks.Chunk) ([]Place, error)
	Slots(ctx context.Context) (bulk, interactive int, err error)
	Epoch(ctx context.Context) (string, error)
	Renew()
}

// Dispatcher keeps the belt filled from the ledger, up to a window, and brings back what was lost on the way or left
// behind by a dead worker. Run one in every process: a lease in the ledger elects the one that works.
// Whatever happened, everything that is due is on the belt again within 15 s, by itself.
type Dispatcher struct {
	Ledger DispatchLedger
	Belt   Conveyor
	// Window is how many uploads may be on the belt or running at once. Its slots are found out by the dispatcher.
	Window tasks.Window
	// SlotsAhead is how many slots are prepared for while no worker is alive.
	SlotsAhead int
	// Deliveries is how many webhook deliveries may be on the belt at once.
	Deliveries int
	// Holder names this process in the election.
	Holder string
	// Grace is how long workers get to renew their leases once a ledger that was away is back, before they count as
	// dead by what happened since. It should be the length of a worker's lease.
	Grace time.Duration
	// Log gets one line when the ledger or the belt goes away, one when it is back, and one for each loss.
	Log *slog.Logger

	nudge chan struct{}
}

// DefaultWindow keeps Redis small whatever the backlog, and workers busy: 2,000 uploads are a second of a fast fleet.
func DefaultWindow() tasks.Window { return tasks.Window{Bulk: 2000, Interactive: 500} }

// NewDispatcher returns a dispatcher with the defaults that are seen below; change its fields before Run.
func NewDispatcher(l DispatchLedger, b Conveyor) *Dispatcher {
	return &Dispatcher{
		Ledger: l, Belt: b,
		Window: DefaultWindow(), SlotsAhead: 4, Deliveries: 500, Holder: uuid.NewString(), Grace: 10 * time.Second,
		Log: slog.New(slog.DiscardHandler), nudge: make(chan struct{}, 1),
	}
}

// Nudge tells it that something new may be ready, so that it looks at once. It never blocks, and may be called at any
// time, from anywhere; without it new uploads wait up to a second.
func (d *Dispatcher) Nudge() {
	select {
	case d.nudge <- struct{}{}:
	default: // it is about to look anyway
	}
}

// Run works until ctx ends, then lets another process lead, and returns nil. It lives through any outage of the
// ledger and of the belt.
func (d *Dispatcher) Run(ctx context.Context) error {
	s := newScheduler(d)
	defer s.seat.resign(ctx)
	for {
		pause := time.NewTimer(s.turn(ctx))
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-d.nudge:
			pause.Stop()
			s.stayAwake()
		case <-pause.C:
		}
	}
}
