package enqueue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Acceptor takes uploads into the ledger: one transaction, receipts in the same order.
type Acceptor interface {
	Accept(ctx context.Context, uploads []tasks.Upload) ([]tasks.Receipt, error)
}

// Batches keeps which uploads belong together.
type Batches interface {
	// OpenBatch opens it, or finds the one of the same producer and ExternalID; the bool says whether it is new.
	OpenBatch(ctx context.Context, b tasks.Batch) (tasks.Batch, bool, error)
	// Refuse records rows that were not accepted.
	Refuse(ctx context.Context, batch uuid.UUID, rows []tasks.Refusal) error
	// Seal says that no rows will come any more.
	Seal(ctx context.Context, batch uuid.UUID, truncated bool) error
}

// Lookup reads uploads and batches.
type Lookup interface {
	Outcome(ctx context.Context, id uuid.UUID) (tasks.Outcome, error)
	List(ctx context.Context, f tasks.Filter) ([]tasks.Outcome, string, error)
	Batch(ctx context.Context, id uuid.UUID) (tasks.Batch, error)
}

// Actions are what a person or a producer may do to an upload.
type Actions interface {
	Retry(ctx context.Context, id uuid.UUID, again bool) error
	Cancel(ctx context.Context, id uuid.UUID) (tasks.State, error)
}

// ProducerLedger is all that a Producer needs of the ledger. *ledger.Ledger is one.
type ProducerLedger interface {
	Acceptor
	Batches
	Lookup
	Actions
}

// Producer submits uploads in one producer's name, and sees and touches that producer's own only.
// The zero value of every field but Ledger serves. It is safe for concurrent use; don't change it after first use.
type Producer struct {
	Ledger ProducerLedger
	// Name is who submits. Empty: "local".
	Name string
	// Account is used for uploads that name none. Empty: "default".
	Account string
	// CallbackURL gets the events of uploads and batches that name no URL of their own. Empty: nobody does.
	CallbackURL string
	// Local allows sources outside of the storage root: only for the person at this machine's command line.
	Local bool
	// Nudge is called after something was accepted: Dispatcher.Nudge, where one runs in this process. Nil: not called.
	Nudge func()
}

// Submit accepts one upload. When it returns a receipt, the upload is durable and will get an outcome. The same
// request under the same ExternalID gives the same receipt, whether it came alone, in a batch, from Go, over HTTP or by
// manifest; another request under it is a Conflict that names the fields which differ. A callback URL that comes from
// the settings or from a batch is no part of the request: the events go where they went to begin with. A request that
// can't be right is Invalid, a source that leaves its root Denied; Unavailable means that nothing was accepted.
// What u says of ID, Batch and Producer is ignored.
func (p *Producer) Submit(ctx context.Context, u tasks.Upload) (tasks.Receipt, error) {
	return p.SubmitAs(ctx, uuid.Nil, u)
}

// SubmitAs is Submit under an ID that the caller minted, a UUIDv7: the same request under the same ID gives the same
// receipt, another one is a Conflict. uuid.Nil has one minted.
func (p *Producer) SubmitAs(ctx context.Context, id uuid.UUID, u tasks.Upload) (tasks.Receipt, error) {
	u, err := p.prepare(u)
	if err != nil {
		return tasks.Receipt{}, err
	}
	u.ID, u.DefaultCallback = id, p.CallbackURL
	receipts, err := p.Ledger.Accept(ctx, []tasks.Upload{u})
	if err != nil {
		return tasks.Receipt{}, fmt.Errorf("accept upload: %w", err)
	}
	if refused := receipts[0].Err; refused != nil {
		return tasks.Receipt{}, refused
	}
	p.nudge()
	return receipts[0], nil
}

// prepare fills in what the request left out and what is not its to say, and refuses what can't be right.
func (p *Producer) prepare(u tasks.Upload) (tasks.Upload, error) {
	u.ID, u.Batch, u.Producer, u.DefaultCallback = uuid.Nil, uuid.Nil, p.name(), ""
	u.Account = cmp.Or(u.Account, p.Account, DefaultAccount)
	if !u.KeepFreshUntil.IsZero() {
		return u, &tasks.Error{Code: tasks.Invalid, Op: "check upload", Err: errors.New("keep_fresh_until: is not supported yet"),
			Hint: "leave it out, and submit the file again before its media expires"}
	}
	src, err := tasks.ParseSource(u.Source)
	if u.Source != "" && err != nil {
		return u, err
	}
	if src.Local() && !p.Local {
		return u, &tasks.Error{Code: tasks.Denied, Op: "check upload", Err: errors.New("source: only the command line may name a folder of its own"),
			Hint: "give the path relative to the storage root"}
	}
	if owner := src.Owner(); owner != "" && owner != p.name() { // as if it were not there
		return u, &tasks.Error{Code: tasks.Denied, Op: "check upload", Err: errors.New("source: there is no such file in this producer's inbox")}
	}
	if name := baseName(src); u.Filename == "" && name != path.Base(u.Source) {
		u.Filename = name // the source is escaped; for a plain one the ledger shows its last part by itself
	}
	return u, u.Validate()
}

// DefaultAccount is the account of uploads that name none.
const DefaultAccount = "default"

// DefaultProducer is the name of a producer that was given none: the person at the command line.
const DefaultProducer = "local"

func (p *Producer) name() string { return cmp.Or(p.Name, DefaultProducer) }

func (p *Producer) nudge() {
	if p.Nudge != nil {
		p.Nudge()
	}
}

// baseName is the last part of the source's path, for people to read: bytes that are no UTF-8 are replaced.
func baseName(s tasks.Source) string {
	name := strings.ToValidUTF8(path.Base(s.Path), "\uFFFD")
	if name == "." || name == "/" {
		return ""
	}
	return name
}
