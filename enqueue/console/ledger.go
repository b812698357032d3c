package console

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// Ledger is what the console needs of the ledger. *ledger.Ledger implements it, and documents the methods.
type Ledger interface {
	enqueue.Lookup
	enqueue.Actions
	Sessions
	Overview
	Lists
	Media
	Changes
}

// Sessions keeps who is signed in.
type Sessions interface {
	AddSession(ctx context.Context, s tasks.Session, life time.Duration) error
	UseLink(ctx context.Context, link, session tasks.Hash, life time.Duration) (tasks.Session, error)
	Session(ctx context.Context, hash tasks.Hash) (tasks.Session, error)
	ExtendSession(ctx context.Context, hash tasks.Hash, life time.Duration) error
	EndSession(ctx context.Context, hash tasks.Hash) error
}

// Overview is what is counted of everybody's uploads.
type Overview interface {
	Status(ctx context.Context) (tasks.Status, error)
	Series(ctx context.Context, f tasks.CountFilter, step time.Duration) (tasks.Series, error)
	Failures(ctx context.Context, f tasks.CountFilter) ([]tasks.FailureGroup, error)
	Processes(ctx context.Context) ([]tasks.Process, error)
	Accounts(ctx context.Context) ([]tasks.AccountStatus, error)
	enqueue.Leading
}

// Lists shows one page after the other.
type Lists interface {
	CountUpTo(ctx context.Context, f tasks.Filter, most int) (int, bool, error)
	Batches(ctx context.Context, f tasks.Filter) ([]tasks.Batch, string, error)
	Refusals(ctx context.Context, batch uuid.UUID, afterLine, limit int) ([]tasks.Refusal, error)
	enqueue.Deliveries
	Endpoints(ctx context.Context, producer string) ([]tasks.Endpoint, error)
	Delivery(ctx context.Context, id uuid.UUID) (tasks.Delivery, error)
	Actions(ctx context.Context, f tasks.ActionFilter) ([]tasks.Action, string, error)
	Action(ctx context.Context, id uuid.UUID) (tasks.Action, error)
	Keys(ctx context.Context) ([]tasks.Key, error)
}

// Media shows and renews live media, and those that have to do with an upload.
type Media interface {
	LiveMedia(ctx context.Context, f tasks.MediaFilter) ([]tasks.KnownMedia, string, error)
	KnownMedia(ctx context.Context, mediaID string, accounts []string, producer string) (tasks.KnownMedia, error)
	enqueue.Reuses
	enqueue.MediaBook
	RenewMedia(ctx context.Context, mediaID string, accounts []string, producer string) (uuid.UUID, error)
	Invalid(ctx context.Context, mediaID string, accounts []string, producer string) (renewing bool, err error)
	Forget(ctx context.Context, mediaID string, accounts []string, producer string) error
}

// Changes is what people change with one button.
type Changes interface {
	Seal(ctx context.Context, batch uuid.UUID, truncated bool) error
	StopAction(ctx context.Context, id uuid.UUID) (tasks.Action, error)
	Resume(ctx context.Context, realm, appid string) (bool, error)
	Replay(ctx context.Context, id uuid.UUID) error
	RevokeKeys(ctx context.Context, nameOrID string) (int, error)
}
