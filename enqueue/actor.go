package enqueue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// ActionBook keeps actions on many uploads.
type ActionBook interface {
	// BeginAction keeps a; with a holder, nobody else works on it for lease.
	BeginAction(ctx context.Context, a tasks.Action, holder string, lease time.Duration) (tasks.Action, error)
	Action(ctx context.Context, id uuid.UUID) (tasks.Action, error)
	// StopAction ends it: when it returns, nothing more is done, whoever works on it.
	StopAction(ctx context.Context, id uuid.UUID) (tasks.Action, error)
}

// ActionWork hands out actions that are under way, and carries out their steps, each as a whole or not at all.
type ActionWork interface {
	OpenActions(ctx context.Context, holder string, after uuid.UUID, limit int) ([]tasks.Action, error)
	RunActionStep(ctx context.Context, s tasks.ActionStep) (tasks.Action, []tasks.Taken, error)
}

// Chooser finds and counts what a filter chooses.
type Chooser interface {
	List(ctx context.Context, f tasks.Filter) ([]tasks.Outcome, string, error)
	Count(ctx context.Context, f tasks.Filter) ([]tasks.Count, error)
}

// ActorLedger is all that an Actor needs of the ledger. *ledger.Ledger is one.
type ActorLedger interface {
	ActionBook
	ActionWork
	Chooser
}

// Actor retries and cancels many uploads, page by page. How far an action is stands in the ledger, together with what
// was done: it can be followed and stopped from anywhere, holds one page in memory whatever its size, and where the
// process that worked on it dies, another one goes on, so that each upload is taken once.
// Run one in every process that lives long. It is safe for concurrent use; don't change it after first use.
type Actor struct {
	Ledger ActorLedger
	// Rates holds producers to what they may retry a minute, together with what they submit.
	Rates *Rates
	// Nudge is called when uploads were queued: Dispatcher.Nudge, where one runs in this process. Nil: not called.
	Nudge func()
	// Holder names this process.
	Holder string
	// Log gets a line when an action has ended, one when the work breaks off, and one when it works again.
	Log *slog.Logger

	wake     chan struct{}
	counting chan struct{} // holds one token while a preview counts
}

// NewActor returns an actor with the defaults that are seen below; change its fields before the first use.
func NewActor(l ActorLedger) *Actor {
	return &Actor{
		Ledger: l, Rates: NewRates(nil), Holder: uuid.NewString(), Log: slog.New(slog.DiscardHandler),
		wake: make(chan struct{}, 1), counting: make(chan struct{}, 1),
	}
}

// The rhythm of an actor. What a process left behind when it died is gone on with within actionLease and actionsEvery.
const (
	actionLease  = 10 * time.Second
	actionsEvery = 5 * time.Second
	actionsAhead = 100 // open actions that are looked at in one go
	actionPage   = 100 // uploads of a step: some ten milliseconds of the writer's time, on PostgreSQL some forty
	previewTime  = time.Minute
)

// Preview says what an action would do.
type Preview struct {
	Matched int
	Can     int            // that it can be done to
	Left    map[string]int // the others, by their states
	Running int            // of Can: their workers would be asked to let go
	Calls   map[string]int // that it costs, by account
}

// Preview counts the uploads that an action would change and those that it would leave alone. It counts one action at a
// time, since that may read the whole ledger on one of its few connections. It returns Invalid for a choice that can't be
// read, and TooMany after a minute in the queue.
func (x *Actor) Preview(ctx context.Context, a tasks.Action) (Preview, error) {
	p := Preview{Left: map[string]int{}, Calls: map[string]int{}}
	f, err := a.Filter()
	if err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, previewTime)
	defer cancel()
	select {
	case x.counting <- struct{}{}:
		defer func() { <-x.counting }()
	case <-ctx.Done():
		return p, &tasks.Error{Code: tasks.TooMany, Op: "count uploads", Err: errors.New("others are counted for too long"), RetryAfter: previewTime}
	}
	counts, err := x.Ledger.Count(ctx, f)
	for _, c := range counts {
		p.Matched += c.Uploads
		if why := a.PassBy(c.State); why != "" {
			p.Left[why] += c.Uploads
			continue
		}
		p.Can += c.Uploads
		if c.State == tasks.Running {
			p.Running += c.Uploads
		}
		if a.Kind == tasks.ActionRetry {
			p.Calls[c.Account] += c.Uploads
		}
	}
	return p, err
}

// Begin keeps an action that the processes with a running Actor carry out, and returns it as it stands. One whose ID
// was used before is that one.
func (x *Actor) Begin(ctx context.Context, a tasks.Action) (tasks.Action, error) {
	a, err := x.Ledger.BeginAction(ctx, a, "", 0)
	if err == nil {
		x.Wake()
	}
	return a, err
}

// Wake tells a running Actor that an action was begun, so that it looks at once. It never blocks.
func (x *Actor) Wake() {
	select {
	case x.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// Carry begins an action and carries it out before it returns, with the action as it stands then. took is called after
// each step. The end of ctx stops the action; after another error it is under way, and others go on with it.
func (x *Actor) Carry(ctx context.Context, a tasks.Action, took func(tasks.Action, []tasks.Taken)) (tasks.Action, error) {
	a, err := x.Ledger.BeginAction(ctx, a, x.Holder, actionLease)
	for err == nil && a.State == tasks.ActionRunning {
		if ctx.Err() != nil {
			return x.Ledger.StopAction(context.WithoutCancel(ctx), a.ID)
		}
		a, err = x.carryOn(ctx, a, took)
	}
	return a, err
}

// carryOn does one step, or where none can be done now, waits for a while.
func (x *Actor) carryOn(ctx context.Context, a tasks.Action, took func(tasks.Action, []tasks.Taken)) (tasks.Action, error) {
	after, taken, err := x.step(context.WithoutCancel(ctx), a)
	if errors.Is(err, tasks.ErrFenced) { // another process took over while this one stood still
		rest(ctx, time.Second)
		return x.Ledger.Action(context.WithoutCancel(ctx), a.ID)
	}
	if err != nil {
		return a, err
	}
	took(after, taken)
	if after.Cursor == a.Cursor {
		rest(ctx, time.Second)
	}
	return after, nil
}

// step does the next page of an action. Where the rate lets nothing through it only stays at work.
func (x *Actor) step(ctx context.Context, a tasks.Action) (tasks.Action, []tasks.Taken, error) {
	s := tasks.ActionStep{Action: a.ID, Holder: x.Holder, Lease: actionLease, From: a.Cursor, To: a.Cursor}
	perMinute := 0
	if a.Kind == tasks.ActionRetry {
		perMinute = a.RatePerMinute
	}
	if allowed := x.Rates.allowed(a.By, perMinute, actionPage); allowed > 0 {
		ahead, err := x.nextPage(ctx, a, s, allowed)
		if err != nil {
			return a, nil, err
		}
		if x.Rates.take(a.By, perMinute, len(ahead.Uploads)) {
			s = ahead
		}
	}
	after, taken, err := x.Ledger.RunActionStep(ctx, s)
	if err == nil && a.Kind == tasks.ActionRetry && len(taken) > 0 && x.Nudge != nil {
		x.Nudge()
	}
	return after, taken, err
}

// nextPage chooses the uploads of the next step.
func (x *Actor) nextPage(ctx context.Context, a tasks.Action, s tasks.ActionStep, limit int) (tasks.ActionStep, error) {
	f, err := a.Filter()
	if err == nil {
		_, err = a.Kind.Step()
	}
	if err != nil {
		return s, err
	}
	f.Cursor, f.Limit, s.Left = a.Cursor, limit, map[string]int{}
	var page []tasks.Outcome
	page, s.To, err = x.Ledger.List(ctx, f)
	for _, o := range page {
		if why := a.PassBy(o.State); why != "" {
			s.Left[why]++
		} else {
			s.Uploads = append(s.Uploads, o.ID)
		}
	}
	return s, err
}
