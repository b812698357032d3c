package enqueue

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Acceptor accepts submissions, each in one transaction.
type Acceptor interface {
	Submit(ctx context.Context, s tasks.Submission) (tasks.Accepted, error)
}

// Batches opens and seals batches.
type Batches interface {
	// OpenBatch opens a batch, or finds the one of the same producer and ExternalID. It reports whether the batch is new.
	OpenBatch(ctx context.Context, b tasks.Batch) (tasks.Batch, bool, error)
	// Seal says that no more rows will come.
	Seal(ctx context.Context, batch uuid.UUID, truncated bool) error
}

// Lookup reads uploads and batches.
type Lookup interface {
	Outcome(ctx context.Context, id uuid.UUID) (tasks.Outcome, error)
	List(ctx context.Context, f tasks.Filter) ([]tasks.Outcome, string, error)
	Batch(ctx context.Context, id uuid.UUID) (tasks.Batch, error)
}

// Actions retries and cancels single uploads.
type Actions interface {
	Retry(ctx context.Context, id uuid.UUID, again bool) error
	Cancel(ctx context.Context, id uuid.UUID) (tasks.State, error)
}

// ProducerLedger is what a Producer needs of the ledger. *ledger.Ledger implements it.
type ProducerLedger interface {
	Acceptor
	Batches
	Lookup
	Actions
	Budget
	MediaBook
}

// Producer submits uploads in one producer's name, within its rights and budgets. It sees and changes only that producer's
// uploads. Every door uses it: HTTP, the endpoint that looks like WeChat's, the Redis inbox, the command line and Go. Only
// Ledger is required. It is safe for concurrent use; don't change it after first use.
type Producer struct {
	Ledger ProducerLedger
	// Name is the producer's name. Empty: "local".
	Name string
	// Rights bound what it may submit. The zero value allows everything except buckets.
	Rights tasks.Rights
	// Rates holds it to Rights.RatePerMinute, together with everything else that shares Rates. Nil: there is no rate.
	Rates *Rates
	// Patience is how long a batch may wait for the rate in all. Zero: as long as it takes.
	Patience time.Duration
	// Accounts refuses uploads to accounts that don't exist. Nil: every account is taken.
	Accounts *Accounts
	// Account is the account of uploads that do not name one. Empty: "default".
	Account string
	// CallbackURL gets the events of uploads and batches without a URL of their own. Empty: their events are not sent.
	CallbackURL string
	// Local allows sources outside of the storage root and callbacks on loopback, and is recorded with each upload. It is
	// for the person at this machine's command line only.
	Local bool
	// MaxKept is the number of contents that may be kept alive for it at once. Zero: unlimited.
	MaxKept int
	// Nudge is called when uploads were queued. It is Dispatcher.Nudge, if a dispatcher runs in this process. Nil: not
	// called.
	Nudge func()
	// Live is what Media needs beyond the ledger, together with all other producers of this process. Nil: no source is
	// looked at here, so that a worker reads it each time.
	Live *LiveMedia
}

// Submit accepts one upload. When it returns a receipt, the upload is durable and will get an outcome.
//
// The same request under the same ExternalID gives the same receipt, whether it came alone, in a batch, from Go, over
// HTTP or by manifest. Another request under it is a Conflict that names the fields which differ. A callback URL that
// comes from the settings or from a batch is not part of the request: events keep going to the first one.
//
// Submit returns Invalid for a request that can't be right, Denied for one beyond the producer's rights, TooMany beyond
// its rate or budget, and Unavailable if nothing was accepted. It ignores ID, Batch and Producer of u.
func (p *Producer) Submit(ctx context.Context, u tasks.Upload) (tasks.Receipt, error) {
	return p.SubmitNamed(ctx, u, tasks.Request{})
}

// SubmitNamed is Submit for a request with an Idempotency-Key. As long as the key is kept, the same request gives the same
// receipt, and another one is a Conflict.
func (p *Producer) SubmitNamed(ctx context.Context, u tasks.Upload, r tasks.Request) (tasks.Receipt, error) {
	u, err := p.prepare(ctx, u)
	if err != nil {
		return tasks.Receipt{}, err
	}
	return p.accept(ctx, u, r)
}

// accept submits an upload that was prepared.
func (p *Producer) accept(ctx context.Context, u tasks.Upload, r tasks.Request) (tasks.Receipt, error) {
	if err := p.TakeRate(); err != nil {
		return tasks.Receipt{}, err
	}
	u.DefaultCallback = p.CallbackURL
	accepted, err := p.Ledger.Submit(ctx, tasks.Submission{
		Producer: p.name(), Rows: []tasks.SubmittedRow{{Upload: u}}, Request: r, DailyBudget: p.Rights.DailyBudget, MaxKept: p.MaxKept,
	})
	if err != nil {
		return tasks.Receipt{}, fmt.Errorf("accept upload: %w", err)
	}
	if refused := accepted.Receipts[0].Err; refused != nil {
		return tasks.Receipt{}, refused
	}
	p.nudge()
	return accepted.Receipts[0], nil
}

// prepare fills in what the request left out. It refuses a request that can't be right, or that the rights don't allow.
func (p *Producer) prepare(ctx context.Context, u tasks.Upload) (tasks.Upload, error) {
	u.ID, u.Batch, u.Producer, u.DefaultCallback, u.Granted = uuid.Nil, uuid.Nil, p.name(), "", ""
	u.Local = p.Local
	u.Account = cmp.Or(u.Account, p.Account, DefaultAccount)
	if !tasks.ValidName(u.Producer) {
		return u, &tasks.Error{Code: tasks.Invalid, Op: "check upload", Err: tasks.Textf("producer: is not a name")}
	}
	if u.Source == "" {
		return u, u.Validate()
	}
	src, err := tasks.ParseSource(u.Source)
	if err != nil {
		return u, err
	}
	if err := u.Validate(); err != nil {
		return u, err
	}
	u.Filename = displayName(u, src)
	u.Granted, err = p.check(ctx, u, src)
	return u, err
}

// DefaultAccount is the account of an upload that does not name one.
const DefaultAccount = tasks.DefaultAccount

// DefaultProducer is the name of a Producer without a Name: the person at the command line.
const DefaultProducer = tasks.LocalProducer

func (p *Producer) name() string { return cmp.Or(p.Name, DefaultProducer) }

func (p *Producer) nudge() {
	if p.Nudge != nil {
		p.Nudge()
	}
}

// baseName returns the last part of the source's path for people to read, with bytes replaced that are not UTF-8.
func baseName(s tasks.Source) string {
	name := strings.ToValidUTF8(path.Base(s.Path), "\uFFFD")
	if name == "." || name == "/" {
		return ""
	}
	return name
}
