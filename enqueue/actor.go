package enqueue

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

// ActionBook records actions on many uploads.
type ActionBook interface {
	// BeginAction records a. A holder has the action to itself for lease.
	BeginAction(ctx context.Context, a tasks.Action, holder string, lease time.Duration) (tasks.Action, error)
	Action(ctx context.Context, id uuid.UUID) (tasks.Action, error)
	// StopAction stops an action. When it has returned, no process carries out another step.
	StopAction(ctx context.Context, id uuid.UUID) (tasks.Action, error)
}

// ActionWork hands out the open actions, and carries out their steps, each in one transaction.
type ActionWork interface {
	OpenActions(ctx context.Context, holder string, after uuid.UUID, limit int) ([]tasks.Action, error)
	RunActionStep(ctx context.Context, s tasks.ActionStep) (tasks.Action, []tasks.Taken, error)
}

// Chooser finds and counts the uploads that a filter chooses.
type Chooser interface {
	List(ctx context.Context, f tasks.Filter) ([]tasks.Outcome, string, error)
	Count(ctx context.Context, f tasks.Filter) ([]tasks.Count, error)
}

// ActorLedger is what an Actor needs of the ledger. *ledger.Ledger implements it.
type ActorLedger interface {
	ActionBook
	ActionWork
	Chooser
}

// Actor retries and cancels many uploads, page by page. The ledger records the progress of an action together with each
// page. So an action can be followed and stopped from any process, needs the memory of one page, and takes each upload
// once: if the process that works on it dies, another one goes on.
//
// Run an Actor in every process that lives long. It is safe for concurrent use; don't change it after first use.
type Actor struct {
	Ledger ActorLedger
	// Rates holds each producer's retries and submissions together to its rate.
	Rates *Rates
	// Nudge is called when uploads were queued. It is Dispatcher.Nudge, if a dispatcher runs in this process. Nil: not
	// called.
	Nudge func()
	// Holder names this process.
	Holder string
	// Log gets a line when an action has ended, one when the work breaks off, and one when it works again.
	Log *slog.Logger

	wake     chan struct{}
	counting chan struct{} // holds one token while a preview counts
}

// NewActor returns an actor with the defaults below. Change its fields before the first use.
func NewActor(l ActorLedger) *Actor {
	return &Actor{
		Ledger: l, Rates: NewRates(nil), Holder: uuid.NewString(), Log: slog.New(slog.DiscardHandler),
		wake: make(chan struct{}, 1), counting: make(chan struct{}, 1),
	}
}

// The rhythm of an actor. Another process goes on with the actions of a dead one after actionLease and actionsEvery.
const (
	actionLease  = 10 * time.Second
	actionsEvery = 5 * time.Second
	actionsAhead = 100 // open actions that are read at once
	actionPage   = 100 // uploads of a step: some ten milliseconds of the writer's time, on PostgreSQL some forty
	previewTime  = time.Minute
)

// Preview says what an action would do.
type Preview struct {
	Matched int
	Can     int            // uploads that the action would change
	Left    map[string]int // the others, by their states
	Running int            // of Can: uploads whose workers would be asked to give them up
	Kept    int            // of Can: uploads that have succeeded, whose media would not be kept alive any more
	Calls   map[string]int // upload calls that it costs, by account
}

// Preview counts the uploads that an action would change and those that it would leave alone. Counting may read the whole
// ledger on one of its few connections, so previews wait for each other. Preview returns Invalid for a choice that can't
// be read, and TooMany after a minute of waiting.
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
		return p, &tasks.Error{Code: tasks.TooMany, Op: "count uploads", Err: tasks.Textf("others are counted for too long"), RetryAfter: previewTime}
	}
	counts, err := x.Ledger.Count(ctx, f)
	for _, c := range counts {
		p.Matched += c.Uploads
		can := c.Uploads
		switch why := a.PassBy(c.State, false); {
		case why != "" && c.Kept > 0 && a.PassBy(c.State, true) == "":
			can = c.Kept
			p.Kept += can
			if rest := c.Uploads - can; rest > 0 {
				p.Left[why] += rest
			}
		case why != "":
			p.Left[why] += c.Uploads
			continue
		}
		p.Can += can
		if c.State == tasks.Running {
			p.Running += c.Uploads
		}
		if a.Kind == tasks.ActionRetry {
			p.Calls[c.Account] += c.Uploads
		}
	}
	return p, err
}

// Begin records an action, which the processes with a running Actor carry out, and returns it. If its ID was used before,
// Begin returns that action as it is now.
func (x *Actor) Begin(ctx context.Context, a tasks.Action) (tasks.Action, error) {
	a, err := x.Ledger.BeginAction(ctx, a, "", 0)
	if err == nil {
		x.Wake()
	}
	return a, err
}

// BeginAs begins an action within the rate and the budget of who asks for it.
func (x *Actor) BeginAs(ctx context.Context, door *Producer, a tasks.Action) (tasks.Action, error) {
	if err := door.TakeRate(); err != nil {
		return a, err
	}
	p, err := x.Preview(ctx, a)
	if err == nil && p.Can == 0 { // one that changes something is bounded by what there is to change
		err = door.SpendOne(ctx)
	}
	if err != nil {
		return a, err
	}
	a.Matched = p.Matched
	return x.Begin(ctx, a)
}

// Wake tells a running Actor that an action was begun. It never blocks.
func (x *Actor) Wake() {
	select {
	case x.wake <- struct{}{}:
	default: // it has been woken already
	}
}

// Woken is Wake by what a ledger tells that is new: ledger.Follow takes it.
func (x *Actor) Woken(news tasks.Wake) {
	if news.Has(tasks.WakeActions) {
		x.Wake()
	}
}

// Carry begins an action, carries it out, and returns it. It calls took after each step. The end of ctx stops the action.
// After any other error the action is open, and other processes go on with it.
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

// carryOn does one step, or waits for a while if no step can be done now.
func (x *Actor) carryOn(ctx context.Context, a tasks.Action, took func(tasks.Action, []tasks.Taken)) (tasks.Action, error) {
	after, taken, err := x.step(context.WithoutCancel(ctx), a)
	if errors.Is(err, tasks.ErrFenced) { // another process took over while this one was suspended
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

// step does the next page of an action. If the rate allows nothing now, it only renews its hold on the action.
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
		if why := a.PassBy(o.State, !o.KeepFresh.IsZero()); why != "" {
			s.Left[why]++
		} else {
			s.Uploads = append(s.Uploads, o.ID)
		}
	}
	return s, err
}
