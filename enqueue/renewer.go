package enqueue

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// RenewerLedger is what a Renewer needs of the ledger.
type RenewerLedger interface {
	Elector
	// RenewDue makes uploads that renew the media that are kept alive and due, about limit of them. It returns what it did, and 0
	// when nothing is due.
	RenewDue(ctx context.Context, limit int) (int, error)
}

// Renewer keeps media alive: it makes an upload for each that somebody asked to keep and that expires soon. The dispatcher and
// the workers do the rest. Run a Renewer in every process: a lease in the ledger elects the one that works.
type Renewer struct {
	Ledger RenewerLedger
	// Every is the time between two looks. Zero: 10 s.
	Every time.Duration
	// Holder names this process in the election.
	Holder string
	// Log gets a line when the work breaks off, and one when it goes on.
	Log *slog.Logger
}

// NewRenewer returns a renewer with the defaults. Change its fields before Run.
func NewRenewer(l RenewerLedger) *Renewer {
	return &Renewer{Ledger: l, Every: renewEvery, Holder: uuid.NewString(), Log: slog.New(slog.DiscardHandler)}
}

// The rhythm of a renewer. Another process takes over within renewTTL and Every of a leader's crash.
const (
	roleRenewal = "renewal"
	renewEvery  = 10 * time.Second
	renewTTL    = 30 * time.Second
	renewStep   = 100                    // media of a step: some ten milliseconds of the writer's time
	renewPause  = 100 * time.Millisecond // between two steps
	renewSteps  = 50                     // in one look: the lead is asked for again after them
)

// Run works until ctx ends. Then it gives up the lead, and returns nil. It survives outages of the ledger.
func (r *Renewer) Run(ctx context.Context) error {
	seat := candidate{elector: r.Ledger, role: roleRenewal, holder: r.Holder, ttl: renewTTL}
	defer seat.resign(ctx)
	failing := false
	for {
		err := r.turn(ctx, &seat)
		switch {
		case ctx.Err() != nil:
		case err != nil && !failing:
			r.Log.Warn("media that are kept alive can't be renewed now: it is tried again", "error", err)
			failing = true
		case err == nil && failing:
			r.Log.Info("media that are kept alive are renewed again")
			failing = false
		}
		if !rest(ctx, r.Every) {
			return nil
		}
	}
}

// turn makes what is due, step by step.
func (r *Renewer) turn(ctx context.Context, seat *candidate) error {
	if leads, err := seat.stand(ctx); err != nil || !leads {
		return err
	}
	for range renewSteps {
		n, err := r.Ledger.RenewDue(ctx, renewStep)
		if err != nil || n == 0 || !rest(ctx, renewPause) {
			return err
		}
	}
	return nil
}
