package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// Ledger is all that this package needs of the ledger. *ledger.Ledger is one; what its methods promise is said there.
type Ledger interface {
	enqueue.ProducerLedger
	enqueue.ActorLedger
	Lists
	Accounts
	Deliveries
	Events
	InboxUses
	Overview
}

// Lists reads more than one thing at a time.
type Lists interface {
	Batches(ctx context.Context, f tasks.Filter) ([]tasks.Batch, string, error)
	Actions(ctx context.Context, f tasks.ActionFilter) ([]tasks.Action, string, error)
	Rows(ctx context.Context, batch uuid.UUID, after string, limit int) ([]tasks.Outcome, string, error)
	Refusals(ctx context.Context, batch uuid.UUID, afterLine, limit int) ([]tasks.Refusal, error)
}

// Accounts are the official accounts and what WeChat issued to them.
type Accounts interface {
	Accounts(ctx context.Context) ([]tasks.AccountStatus, error)
	Resume(ctx context.Context, realm, appid string) (bool, error)
	Forget(ctx context.Context, mediaID string, accounts []string) error
}

// Deliveries are the webhooks on their way.
type Deliveries interface {
	Delivery(ctx context.Context, id uuid.UUID) (tasks.Delivery, error)
	Deliveries(ctx context.Context, f tasks.DeliveryFilter) ([]tasks.Delivery, string, error)
	Replay(ctx context.Context, id uuid.UUID) error
}

// Events is what happened, in the order of commits, none skipped.
type Events interface {
	Events(ctx context.Context, f tasks.EventFilter) (tasks.EventPage, error)
	EventsEnd(ctx context.Context) (int64, error)
}

// InboxUses says whether an upload still needs a file that came over HTTP.
type InboxUses interface {
	InboxUse(ctx context.Context, source string) (tasks.SourceUse, error)
}
