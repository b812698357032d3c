package enqueue

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Sealer ends batches whose producers never came back. It returns how many.
type Sealer interface {
	SealAbandoned(ctx context.Context, idle time.Duration) (int, error)
}

// Pruner deletes records that ended more than older ago, about limit of them a call. It returns how many those were,
// and 0 where there is nothing left to delete.
type Pruner interface {
	Prune(ctx context.Context, older time.Duration, limit int) (int, error)
}

// Checkpointer keeps the log of the ledger's database from growing.
type Checkpointer interface {
	Checkpoint(ctx context.Context) error
}

// Folder adds up the counts of the processes. It returns how many it took together, and 0 when none are left.
type Folder interface {
	FoldCounts(ctx context.Context) (int, error)
}

// UpkeepLedger is all that a Janitor needs of the ledger.
type UpkeepLedger interface {
	Elector
	Sealer
	Pruner
	Folder
	Checkpointer
}

// Janitor keeps the ledger in order, once a minute: it seals batches that nothing came to for an hour, deletes what
// has been kept long enough and adds up counts, in steps so small that nobody waits for them, and keeps the database's log
// small.
// Run one in every process: a lease in the ledger elects the one that works.
type Janitor struct {
	Ledger UpkeepLedger
	// Retention is how long outcomes, their attempts and events are kept. Zero: for ever.
	Retention time.Duration
	// Holder names this process in the election.
	Holder string
	// Log gets a line when something was cleared away, one when the upkeep breaks off, and one when it works again.
	Log *slog.Logger
}

// NewJanitor returns a janitor that keeps outcomes for ever; change its fields before Run.
func NewJanitor(l UpkeepLedger) *Janitor {
	return &Janitor{Ledger: l, Holder: uuid.NewString(), Log: slog.New(slog.DiscardHandler)}
}

// The rhythm of a janitor. Another process takes over within upkeepTTL and upkeepEvery of a leader's crash.
const (
	roleUpkeep     = "upkeep"
	upkeepEvery    = time.Minute
	upkeepTTL      = 90 * time.Second // longer than a pause, so that one process leads until it is gone
	upkeepRenew    = 30 * time.Second // while there is much to delete
	abandonedAfter = time.Hour        // what a producer has to resume a stream that broke off
	abandonedBite  = 100              // batches that one call seals
	pruneStep      = 200              // rows of a step: some ten milliseconds of the writer's time
	prunePause     = 50 * time.Millisecond
)

// Run works until ctx ends, then lets another process lead, and returns nil. It lives through any outage of the ledger.
func (j *Janitor) Run(ctx context.Context) error {
	r := newRound(j)
	defer r.seat.resign(ctx)
	for {
		r.turn(ctx)
		if !rest(ctx, upkeepEvery) {
			return nil
		}
	}
}

// round is one Run of a janitor: what it remembers from turn to turn. It belongs to one goroutine.
type round struct {
	*Janitor
	seat    candidate
	leadDue time.Time // when to ask for the lead again
	failing bool
}

func newRound(j *Janitor) *round {
	return &round{Janitor: j, seat: candidate{elector: j.Ledger, role: roleUpkeep, holder: j.Holder, ttl: upkeepTTL}}
}

func (r *round) turn(ctx context.Context) {
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

func (r *round) tidy(ctx context.Context) error {
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

// lead reports whether this process is the one that works.
func (r *round) lead(ctx context.Context) (bool, error) {
	if time.Now().Before(r.leadDue) {
		return r.seat.leading, nil
	}
	r.leadDue = time.Now().Add(upkeepRenew)
	return r.seat.stand(ctx)
}

func (r *round) seal(ctx context.Context) error {
	total := 0
	for {
		n, err := r.Ledger.SealAbandoned(ctx, abandonedAfter)
		if total += n; err != nil {
			return err
		}
		if n < abandonedBite || !rest(ctx, prunePause) {
			break
		}
	}
	if total > 0 {
		r.Log.Warn("batches were abandoned by their producers: they are sealed as truncated", "count", total)
	}
	return nil
}

// prune deletes step by step until nothing is left to delete or another process leads.
func (r *round) prune(ctx context.Context) error {
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

// fold adds up counts step by step until none are left or another process leads.
func (r *round) fold(ctx context.Context) error {
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
