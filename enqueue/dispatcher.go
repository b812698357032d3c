package enqueue

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Calendar makes uploads ready that may run again, at most limit in a call. It returns their number.
type Calendar interface {
	// Mature makes waiting uploads ready whose time has come, and fails uploads whose deadline has passed.
	Mature(ctx context.Context, limit int) (int, error)
	// TakeOver makes uploads ready whose worker's lease ran out more than grace ago.
	TakeOver(ctx context.Context, grace time.Duration, limit int) (int, error)
}

// Shelf hands out ready uploads, and remembers which of them are on the belt.
type Shelf interface {
	// Dispatch marks uploads as under way until the window is full, fairly among accounts, producers and batches.
	Dispatch(ctx context.Context, w tasks.Window) ([]tasks.Chunk, error)
	// Undispatch makes these runs ready again, unless they were claimed since, and returns their number.
	Undispatch(ctx context.Context, lost []tasks.Chunk) (int, error)
	// OnBelt lists the chunks that were dispatched longer than olderThan ago and are not claimed, the oldest first.
	OnBelt(ctx context.Context, olderThan time.Duration, limit int) ([]tasks.Chunk, error)
}

// Epochs remembers the epoch of the belt that the dispatched uploads are on.
type Epochs interface {
	BeltEpoch(ctx context.Context) (string, error)
	SetBeltEpoch(ctx context.Context, epoch string) error
	// UndispatchAll makes all uploads and deliveries ready again that are dispatched and not claimed.
	UndispatchAll(ctx context.Context) (int, error)
}

// Outbox hands out due webhook deliveries, until window of them are on the belt. It hands out a delivery again that no
// worker claims within a minute.
type Outbox interface {
	DispatchDeliveries(ctx context.Context, window int) ([]tasks.DeliveryDispatch, error)
}

// DispatchLedger is what a Dispatcher needs of the ledger.
type DispatchLedger interface {
	ID() uuid.UUID
	Elector
	Calendar
	Shelf
	Epochs
	Outbox
}

// Conveyor carries dispatched work to the workers. *Belt implements it.
type Conveyor interface {
	Put(ctx context.Context, ledger uuid.UUID, dispatched []tasks.Chunk) (left []tasks.Chunk, err error)
	PutDeliveries(ctx context.Context, ledger uuid.UUID, dispatched []tasks.DeliveryDispatch) (left []tasks.DeliveryDispatch, err error)
	Locate(ctx context.Context, dispatched []tasks.Chunk) ([]Place, error)
	Slots(ctx context.Context) (Slots, error)
	Epoch(ctx context.Context) (string, error)
	Paused(ctx context.Context) ([]string, error)
	Strays(ctx context.Context) ([]Stray, error)
	Sweep(ctx context.Context, strays []Stray) (int, error)
	Renew()
}

// Dispatcher fills the belt from the ledger, up to a window. It recovers uploads that the belt lost or a dead worker left
// behind: they are on the belt again within 15 s. Run a Dispatcher in every process: a lease in the ledger elects the one
// that works.
type Dispatcher struct {
	Ledger DispatchLedger
	Belt   Conveyor
	// Window bounds the uploads that are on the belt or running at once. The dispatcher finds out its slots.
	Window tasks.Window
	// SlotsAhead is the number of slots that the dispatcher fills the belt for while no worker is alive.
	SlotsAhead int
	// Deliveries bounds the webhook deliveries that are on the belt at once.
	Deliveries int
	// Holder names this process in the election.
	Holder string
	// Grace is the time that workers get to renew their leases after the ledger was away, before they count as dead. It
	// should be the length of a worker's lease.
	Grace time.Duration
	// Log gets one line when the ledger or the belt goes away, one when it is back, one when queues are paused, and one for
	// each loss.
	Log *slog.Logger

	nudge chan struct{}
	owed  atomic.Bool // webhooks may be due
}

// DefaultWindow keeps Redis small with any backlog, and workers busy: 2,000 uploads are a second of a fast fleet.
func DefaultWindow() tasks.Window { return tasks.Window{Bulk: 2000, Interactive: 500} }

// NewDispatcher returns a dispatcher with the defaults below. Change its fields before Run.
func NewDispatcher(l DispatchLedger, b Conveyor) *Dispatcher {
	return &Dispatcher{
		Ledger: l, Belt: b,
		Window: DefaultWindow(), SlotsAhead: 4, Deliveries: 500, Holder: uuid.NewString(), Grace: 10 * time.Second,
		Log: slog.New(slog.DiscardHandler), nudge: make(chan struct{}, 1),
	}
}

// Nudge tells the dispatcher that uploads are ready. Without it new uploads wait up to a second. It never blocks, and may
// be called at any time from any goroutine.
func (d *Dispatcher) Nudge() {
	select {
	case d.nudge <- struct{}{}:
	default: // it has been told already
	}
}

// Woken is Nudge by what a ledger tells that is new: ledger.Follow takes it.
func (d *Dispatcher) Woken(news tasks.Wake) {
	if news.Has(tasks.WakeDeliveries) {
		d.owed.Store(true)
	}
	if news.Has(tasks.WakeUploads | tasks.WakeDeliveries) {
		d.Nudge()
	}
}

// Run works until ctx ends. Then it gives up the lead, and returns nil. It survives outages of the ledger and of the belt.
func (d *Dispatcher) Run(ctx context.Context) error {
	s := newScheduler(d)
	defer s.seat.resign(ctx)
	for s.rest(ctx, s.turn(ctx)) {
	}
	return nil
}
