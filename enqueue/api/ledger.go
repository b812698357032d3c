package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// Ledger is what this package needs of the ledger. *ledger.Ledger implements it, and documents the methods.
type Ledger interface {
	enqueue.ProducerLedger
	enqueue.ActorLedger
	Lists
	Accounts
	Deliveries
	enqueue.Events
	InboxUses
	Overview
}

// Lists lists batches, actions, and the rows of a batch.
type Lists interface {
	CountUpTo(ctx context.Context, f tasks.Filter, most int) (int, bool, error)
	Batches(ctx context.Context, f tasks.Filter) ([]tasks.Batch, string, error)
	Actions(ctx context.Context, f tasks.ActionFilter) ([]tasks.Action, string, error)
	Rows(ctx context.Context, batch uuid.UUID, after string, limit int) ([]tasks.Outcome, string, error)
	Refusals(ctx context.Context, batch uuid.UUID, afterLine, limit int) ([]tasks.Refusal, error)
}

// Accounts lists and resumes the official accounts, and lists, renews and forgets their media.
type Accounts interface {
	Accounts(ctx context.Context) ([]tasks.AccountStatus, error)
	Resume(ctx context.Context, realm, appid string) (bool, error)
	Forget(ctx context.Context, mediaID string, accounts []string, producer string) error
	Invalid(ctx context.Context, mediaID string, accounts []string, producer string) (renewing bool, err error)
	RenewMedia(ctx context.Context, mediaID string, accounts []string, producer string) (uuid.UUID, error)
	LiveMedia(ctx context.Context, f tasks.MediaFilter) ([]tasks.KnownMedia, string, error)
	KnownMedia(ctx context.Context, mediaID string, accounts []string, producer string) (tasks.KnownMedia, error)
	enqueue.Reuses
	MediaAccount(ctx context.Context, mediaID string, accounts []string, producer string) (string, error)
}

// Deliveries lists and replays webhook deliveries.
type Deliveries interface {
	Delivery(ctx context.Context, id uuid.UUID) (tasks.Delivery, error)
	enqueue.Deliveries
	Endpoints(ctx context.Context, producer string) ([]tasks.Endpoint, error)
	Replay(ctx context.Context, id uuid.UUID) error
}

// InboxUses counts the uploads that use a file of an inbox.
type InboxUses interface {
	InboxUse(ctx context.Context, source string) (tasks.SourceUse, error)
}
