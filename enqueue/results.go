package enqueue

import (
	"context"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// EventLog is the ledger's events in the order of their commits, none skipped.
type EventLog interface {
	Events(ctx context.Context, afterSeq int64, limit int) ([]tasks.Event, error)
}

// ResultsLedger is all that Results needs of the ledger.
type ResultsLedger interface {
	Elector
	EventLog
}

// Results writes the outcomes of one producer's uploads to Redis, for a producer that has nothing else: the Outcome
// as JSON under the key PREFIXmediaferry:result:EXTERNAL_ID, for three days after it ended.
type Results struct {
	Ledger   ResultsLedger
	Redis    redis.UniversalClient
	Prefix   string // of the keys, as the belt's
	Producer string
	Holder   string       // names this process in the election; empty: a random name
	Log      *slog.Logger // nil: none
}

// Run follows the ledger until ctx ends, then returns nil. Run one in every process: a lease elects the one that works.
func (r *Results) Run(ctx context.Context) error { return nil }
