package worker

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// Fleet registers the living processes. *ledger.Ledger implements it.
type Fleet interface {
	Join(ctx context.Context, p tasks.Process, accounts []tasks.Account) error
	Heartbeat(ctx context.Context, p tasks.Process) error
	Leave(ctx context.Context, name string) error
}

// heartbeatEvery is the time between two signs of life. Four may fail before the process counts as dead.
const heartbeatEvery = 3 * time.Second

// heartbeatTimeout bounds one sign of life, and Leave.
const heartbeatTimeout = 2 * time.Second

// Heartbeater tells the fleet that this process lives, its settings of the accounts, and what it can't reach.
type Heartbeater struct {
	ledger   Fleet
	process  tasks.Process
	report   func(*tasks.Process)
	log      *slog.Logger
	nudge    chan struct{}
	mu       sync.Mutex // guards accounts
	accounts []tasks.Account
}

// NewHeartbeater makes a heartbeater for p. accounts are those that the process uploads to, if any. report fills in what
// changes; it may be nil.
func NewHeartbeater(l Fleet, p tasks.Process, accounts []tasks.Account, report func(*tasks.Process), log *slog.Logger) *Heartbeater {
	if report == nil {
		report = func(*tasks.Process) {}
	}
	return &Heartbeater{ledger: l, process: p, accounts: accounts, report: report, log: log, nudge: make(chan struct{}, 1)}
}

// Join registers the process. Call it before the first upload is carried.
func (h *Heartbeater) Join(ctx context.Context) error {
	if err := h.ledger.Join(ctx, h.now(), h.known()); err != nil {
		return fmt.Errorf("join the fleet: %w", err)
	}
	return nil
}

// Rejoin registers the process with other settings of its accounts: other credentials lift an account's hold.
func (h *Heartbeater) Rejoin(ctx context.Context, accounts []tasks.Account) error {
	h.mu.Lock()
	h.accounts = accounts
	h.mu.Unlock()
	return h.Join(ctx)
}

func (h *Heartbeater) known() []tasks.Account {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accounts
}

// Nudge asks for a sign of life at once. It never blocks.
func (h *Heartbeater) Nudge() {
	select {
	case h.nudge <- struct{}{}:
	default: // one is on its way
	}
}

// Run gives signs of life until ctx ends. Then it removes the process from the fleet.
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
	if tasks.CodeOf(err) == tasks.NotFound { // the process was suspended, and counted as dead
		err = h.ledger.Join(ctx, h.now(), h.known())
	}
	if err != nil {
		h.log.DebugContext(ctx, "no sign of life given", "error", err) // others log that the ledger is away
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
