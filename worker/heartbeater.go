package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Fleet is where the living processes are known.
type Fleet interface {
	Join(ctx context.Context, p tasks.Process, accounts []tasks.Account) error
	Heartbeat(ctx context.Context, p tasks.Process) error
	Leave(ctx context.Context, name string) error
}

// heartbeatEvery is how often a process gives a sign of life: four may fail before it counts as dead.
const heartbeatEvery = 3 * time.Second

// heartbeatTimeout bounds one of them, and the farewell.
const heartbeatTimeout = 2 * time.Second

// Heartbeater tells the fleet that this process lives, what it was told about the accounts, and what it can't reach.
type Heartbeater struct {
	ledger   Fleet
	process  tasks.Process
	accounts []tasks.Account
	report   func(*tasks.Process)
	log      *slog.Logger
	nudge    chan struct{}
}

// NewHeartbeater makes a heartbeater for p. accounts are those that it carries uploads for; none for a process that
// carries nothing. report fills in what changes and may be nil.
func NewHeartbeater(l Fleet, p tasks.Process, accounts []tasks.Account, report func(*tasks.Process), log *slog.Logger) *Heartbeater {
	if report == nil {
		report = func(*tasks.Process) {}
	}
	return &Heartbeater{ledger: l, process: p, accounts: accounts, report: report, log: log, nudge: make(chan struct{}, 1)}
}

// Join makes the process known. Call it before anything is carried.
func (h *Heartbeater) Join(ctx context.Context) error {
	if err := h.ledger.Join(ctx, h.now(), h.accounts); err != nil {
		return fmt.Errorf("join the fleet: %w", err)
	}
	return nil
}

// Nudge asks for a sign of life at once, since there is news. It never blocks.
func (h *Heartbeater) Nudge() {
	select {
	case h.nudge <- struct{}{}:
	default: // one is on its way
	}
}

// Run gives signs of life until ctx ends, and then says farewell.
func (h *Heartbeater) Run(ctx context.Context) {
	tick := time.NewTicker(heartbeatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			h.leave(ctx)
			return
		case <-h.nudge:
		case <-tick.C:
		}
		h.beat(ctx)
	}
}

func (h *Heartbeater) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, heartbeatTimeout)
	defer cancel()
	err := h.ledger.Heartbeat(ctx, h.now())
	if tasks.CodeOf(err) == tasks.NotFound { // it stood still for longer than one counts as alive
		err = h.ledger.Join(ctx, h.now(), h.accounts)
	}
	if err != nil {
		h.log.DebugContext(ctx, "no sign of life given", "error", err) // that the ledger is away is said by others
	}
}

func (h *Heartbeater) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), heartbeatTimeout)
	defer cancel()
	if err := h.ledger.Leave(ctx, h.process.Name); err != nil {
		h.log.DebugContext(ctx, "left the fleet without a word", "error", err)
	}
}

func (h *Heartbeater) now() tasks.Process {
	p := h.process
	h.report(&p)
	return p
}
