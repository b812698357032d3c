// Package worker carries an upload from claim to outcome: open and validate the source, reuse a live media or call WeChat,
// record the outcome. It names what it needs in small interfaces. Begin reading at Worker.Carry.
package worker

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Files opens sources. Errors are *tasks.Error: Missing and Denied are the file's fault, Storage is this worker's.
type Files interface {
	// OpenWithin opens a source, if it lies in grant and no link leads out of that: see tasks.Upload.Granted. It may hang
	// in the kernel.
	OpenWithin(ctx context.Context, grant, source string) (tasks.File, error)
	// Answers returns Storage where the storage that a source lies in does not answer. It takes some seconds at most.
	Answers(ctx context.Context, source string) error
}

// Checker knows what WeChat takes. Both methods return *tasks.Error with the measured value and the remedy.
type Checker interface {
	// Fits checks the size, before a byte is read.
	Fits(t tasks.MediaType, size int64) error
	// Check checks the bytes. It must not keep or change them.
	Check(b []byte, t tasks.MediaType) (tasks.Content, error)
}

// Fixer makes a refused picture fit. It returns new bytes and says what it did.
type Fixer interface {
	// Fixable returns the size in bytes of the largest source that Fix accepts.
	Fixable(t tasks.MediaType) int64
	// Decodes reports whether a file of so many bytes that begins with head must be decoded to make it fit.
	Decodes(head []byte, bytes int64, t tasks.MediaType) bool
	// Memory is what Fix takes beside b, in bytes; 0 where it decodes nothing.
	Memory(b []byte, t tasks.MediaType) int64
	Fix(ctx context.Context, b []byte, t tasks.MediaType) (fixed []byte, did string, err error)
}

// Uploader calls WeChat. Errors are *tasks.Error; their Code says what follows.
type Uploader interface {
	Upload(ctx context.Context, account string, p tasks.Payload) (tasks.Media, error)
}

// Claims hands out uploads to one owner at a time. tasks.ErrFenced says that the claim is over.
type Claims interface {
	// Claim returns the claims of the bids that were granted.
	Claim(ctx context.Context, bids []tasks.Bid, worker string, lease time.Duration) ([]tasks.Claim, error)
	Renew(ctx context.Context, tokens []tasks.Token, lease time.Duration) (tasks.Renewal, error)
	Alone(ctx context.Context, token tasks.Token) error
	// Undispatch makes the uploads of these runs ready again, unless they are claimed.
	Undispatch(ctx context.Context, chunks []tasks.Chunk) (int, error)
}

// Outcomes ends a claim: with an outcome, with a wait, or with a hand-back.
type Outcomes interface {
	Finish(ctx context.Context, token tasks.Token, r tasks.Result) error
	Wait(ctx context.Context, token tasks.Token, p tasks.Pause) error
	HandBack(ctx context.Context, token tasks.Token, after time.Duration, cause *tasks.Error) error
}

// Quotas decides whether WeChat may be called. Admit takes one call from the account's count, Spend each further one, and
// Refund gives back a call that was not made.
type Quotas interface {
	Admit(ctx context.Context, token tasks.Token, key tasks.MediaKey, o tasks.AdmitOptions) (tasks.Admission, error)
	Spend(ctx context.Context, a tasks.Account) error
	Refund(ctx context.Context, a tasks.Account) error
	Hold(ctx context.Context, h tasks.Hold) error
}

// Ledger is what a worker needs of the ledger.
type Ledger interface {
	ID() uuid.UUID
	Ping(ctx context.Context) error
	Claims
	Outcomes
	Quotas
}

// Config has the settings of a Worker. A zero value means the default beside it.
type Config struct {
	Name string // of the worker in its claims; default: a random UUID

	Slots            int   // uploads sent at once, bulk; default 64
	InteractiveSlots int   // the same for interactive uploads, on top; default 8
	Memory           int64 // bytes of files held at once, both kinds together; default 320 MiB

	Lease       time.Duration // the time that a claim lasts without a renewal; default 10 s
	RecordLimit time.Duration // the time that a worker keeps a finished result while the ledger is away; default 10 min

	Retry Retry
	Fresh time.Duration // the least life of a media that is reused; default 2 h

	// ReuseOwn lets a producer reuse only media that its own uploads were issued; default: all of the account's.
	ReuseOwn bool

	MinuteHold  time.Duration // after a minute limit for which WeChat named no time; default 1 min
	DailyHold   time.Duration // after a daily limit for which no reset time is known; default 1 h
	AccountHold time.Duration // until an account that WeChat refused is tried again; default 10 min
	// AccountHoldSlow is the same for errcodes 89500 to 89599, which wait for a person's consent; default 1 h
	AccountHoldSlow time.Duration
	HandBack        time.Duration // how long an upload that this worker can't judge stays away from it; default 5 s
	FixTime         time.Duration // how long it may take to make one picture fit; default 2 min
	// StoragePatience is how long a call of the storage may take before it is asked whether the storage answers at all;
	// default 5 s
	StoragePatience time.Duration

	// News is called when Report has something new that the fleet should know soon. It must not block. Nil: not called.
	News     func()
	Log      *slog.Logger // default: discard
	Observer Observer     // default: nothing is told
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, uuid.NewString())
	c.Slots = cmp.Or(c.Slots, 64)
	c.InteractiveSlots = cmp.Or(c.InteractiveSlots, 8)
	c.Memory = cmp.Or(c.Memory, 320<<20)
	c.Lease = cmp.Or(c.Lease, 10*time.Second)
	c.RecordLimit = cmp.Or(c.RecordLimit, 10*time.Minute)
	c.Retry = c.Retry.withDefaults()
	c.Fresh = cmp.Or(c.Fresh, 2*time.Hour)
	c.MinuteHold = cmp.Or(c.MinuteHold, time.Minute)
	c.DailyHold = cmp.Or(c.DailyHold, time.Hour)
	c.AccountHold = cmp.Or(c.AccountHold, 10*time.Minute)
	c.AccountHoldSlow = cmp.Or(c.AccountHoldSlow, time.Hour)
	c.HandBack = cmp.Or(c.HandBack, 5*time.Second)
	c.FixTime = cmp.Or(c.FixTime, 2*time.Minute)
	c.StoragePatience = cmp.Or(c.StoragePatience, 5*time.Second)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Observer == nil {
		c.Observer = silent{}
	}
	if c.News == nil {
		c.News = func() {}
	}
	return c
}

// Deps are the parts that a worker works with. Fixer may be nil: then no picture is made to fit.
type Deps struct {
	Ledger   Ledger
	Files    Files
	Checker  Checker
	Fixer    Fixer
	Uploader Uploader
	Accounts []tasks.Account
}

// Worker carries uploads. The belt's handlers call its Carry. It is safe for concurrent use.
type Worker struct {
	Deps
	cfg       Config
	log       *slog.Logger
	accounts  map[string]tasks.Account
	lanes     lanes
	leases    *leases
	gate      *gate
	egress    *egress
	strangers strangers
	random    func() float64
	stopped   chan struct{} // closed by Stop: nothing new is claimed, what runs is handed back
}

// New makes a worker. Close it when its last upload has ended.
func New(d Deps, c Config) *Worker {
	c = c.withDefaults()
	w := &Worker{
		Deps:     d,
		cfg:      c,
		log:      c.Log,
		accounts: make(map[string]tasks.Account, len(d.Accounts)),
		lanes:    newLanes(c),
		gate:     newGate(d.Ledger.Ping, c.Log),
		egress:   newEgress(c.News),
		random:   rand.Float64,
		stopped:  make(chan struct{}),
	}
	w.leases = newLeases(d.Ledger, c.Lease, w.gate)
	for _, a := range d.Accounts {
		w.accounts[a.Name] = a
	}
	return w
}

// Drain lets the calls that are under way end, and hands back all that has not been sent. Call it once, when no more tasks
// are taken.
func (w *Worker) Drain() { w.lanes.drain() }

// Stop cancels all uploads under way, which are handed back without an attempt, and claims no more. Call it once, after the
// time to drain.
func (w *Worker) Stop() { close(w.stopped) }

// Close ends the renewal of leases.
func (w *Worker) Close() { w.leases.close(); w.gate.close() }
