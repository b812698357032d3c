package enqueue

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Sealer seals batches whose producers did not come back. It returns their number.
type Sealer interface {
	SealAbandoned(ctx context.Context, idle time.Duration) (int, error)
}

// Pruner deletes records that ended more than older ago, about limit of them in a call. It returns their number, and 0 when
// nothing is left to delete.
type Pruner interface {
	Prune(ctx context.Context, older time.Duration, limit int) (int, error)
}

// Checkpointer keeps the log of the ledger's database from growing.
type Checkpointer interface {
	Checkpoint(ctx context.Context) error
}

// Folder adds up the counts of the processes. It returns the number of rows that it added up, and 0 when nothing is left.
type Folder interface {
	FoldCounts(ctx context.Context) (int, error)
}

// UpkeepLedger is what a Janitor needs of the ledger.
type UpkeepLedger interface {
	Elector
	Sealer
	Pruner
	Folder
	Checkpointer
}

// Janitor does the ledger's upkeep, once a minute. It seals batches that got no rows for an hour, deletes old records and
// adds up counts in small steps, and keeps the database's log small. Run a Janitor in every process: a lease in the ledger
// elects the one that works.
type Janitor struct {
	Ledger UpkeepLedger
	// Retention is the time that outcomes, their attempts and events are kept. Zero: for ever.
	Retention time.Duration
	// Holder names this process in the election.
	Holder string
	// Log gets a line when records were deleted, one when the upkeep fails, and one when it works again.
	Log *slog.Logger
}

// NewJanitor returns a janitor that keeps outcomes for ever. Change its fields before Run.
func NewJanitor(l UpkeepLedger) *Janitor {
	return &Janitor{Ledger: l, Holder: uuid.NewString(), Log: slog.New(slog.DiscardHandler)}
}

// The rhythm of a janitor. Another process takes over within upkeepTTL and upkeepEvery of a leader's crash.
const (
	roleUpkeep     = "upkeep"
	upkeepEvery    = time.Minute
	upkeepTTL      = 90 * time.Second // longer than a pause, so that one process leads until it is gone
	upkeepRenew    = 30 * time.Second // while there is much to delete
	abandonedAfter = time.Hour        // the time that a producer has to resume a stream that broke off
	abandonedStep  = 100              // batches that one call seals
	pruneStep      = 200              // rows of a step: some ten milliseconds of the writer's time
	prunePause     = 50 * time.Millisecond
)

// Run works until ctx ends. Then it gives up the lead, and returns nil. It survives outages of the ledger.
func (j *Janitor) Run(ctx context.Context) error {
	r := newUpkeep(j)
	defer r.seat.resign(ctx)
	for {
		r.turn(ctx)
		if !rest(ctx, upkeepEvery) {
			return nil
		}
	}
}

// upkeep is one Run of a janitor, and what it remembers between turns. It belongs to one goroutine.
type upkeep struct {
	*Janitor
	seat    candidate
	leadDue time.Time // when to ask for the lead again
	failing bool
}

func newUpkeep(j *Janitor) *upkeep {
	return &upkeep{Janitor: j, seat: candidate{elector: j.Ledger, role: roleUpkeep, holder: j.Holder, ttl: upkeepTTL}}
}

func (r *upkeep) turn(ctx context.Context) {
	err := r.tidy(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil && !r.failing:
		r.Log.Warn("the ledger's upkeep breaks off: it is tried again every minute", "error", err)
		r.failing = true
	case err == nil && r.failing:
		r.Log.Info("the ledger's upkeep works again")
		r.failing = false
	}
}

func (r *upkeep) tidy(ctx context.Context) error {
	r.leadDue = time.Time{}
	if leads, err := r.lead(ctx); err != nil || !leads {
		return err
	}
	if err := r.seal(ctx); err != nil {
		return err
	}
	if err := r.prune(ctx); err != nil || !r.seat.leading {
		return err
	}
	if err := r.fold(ctx); err != nil || !r.seat.leading {
		return err
	}
	return r.Ledger.Checkpoint(ctx)
}

// lead reports whether this process leads the upkeep.
func (r *upkeep) lead(ctx context.Context) (bool, error) {
	if time.Now().Before(r.leadDue) {
		return r.seat.leading, nil
	}
	r.leadDue = time.Now().Add(upkeepRenew)
	return r.seat.stand(ctx)
}

func (r *upkeep) seal(ctx context.Context) error {
	total := 0
	for {
		n, err := r.Ledger.SealAbandoned(ctx, abandonedAfter)
		if total += n; err != nil {
			return err
		}
		if n < abandonedStep || !rest(ctx, prunePause) {
			break
		}
	}
	if total > 0 {
		r.Log.Warn("batches were abandoned by their producers: they are sealed as truncated", "count", total)
	}
	return nil
}

// prune deletes step by step until nothing is left to delete or another process leads.
func (r *upkeep) prune(ctx context.Context) error {
	if r.Retention <= 0 {
		return nil
	}
	total := 0
	defer func() {
		if total > 0 {
			r.Log.Info("old records were deleted", "count", total, "older_than", r.Retention)
		}
	}()
	for {
		leads, err := r.lead(ctx)
		if err != nil || !leads {
			return err
		}
		n, err := r.Ledger.Prune(ctx, r.Retention, pruneStep)
		if total += n; err != nil {
			return err
		}
		if n == 0 || !rest(ctx, prunePause) {
			return nil
		}
	}
}

// fold adds up counts step by step, until nothing is left or another process leads.
func (r *upkeep) fold(ctx context.Context) error {
	for {
		leads, err := r.lead(ctx)
		if err != nil || !leads {
			return err
		}
		n, err := r.Ledger.FoldCounts(ctx)
		if err != nil || n == 0 || !rest(ctx, prunePause) {
			return err
		}
	}
}

// rest lets d go by, and reports false where ctx ended meanwhile.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
