package tasks

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Action retries or cancels many uploads at once. It reaches the uploads that existed when it began, each of them once.
// It can be stopped until it has ended.
type Action struct {
	ID   uuid.UUID  `json:"id"`
	Kind ActionKind `json:"kind"`
	By   string     `json:"by"` // a key's name, or a user and the machine
	// Producer confines it to the uploads of one producer, even if the choice names others. Empty: it reaches all.
	Producer string          `json:"producer,omitempty"`
	Choice   json.RawMessage `json:"choice"`          // which uploads, as ChoiceOf wrote it
	Again    bool            `json:"again,omitempty"` // a retry takes those that succeeded, too
	State    ActionState     `json:"state"`
	Matched  int             `json:"matched"` // uploads that the choice found just before it began
	Done     int             `json:"done"`
	Left     map[string]int  `json:"left"` // uploads that it passed by, counted by reason
	Began    time.Time       `json:"began_at"`
	Ended    time.Time       `json:"ended_at,omitzero"`

	// RatePerMinute and DailyBudget bound how many uploads By may retry. 0: unlimited.
	RatePerMinute int `json:"-"`
	DailyBudget   int `json:"-"`
	// Request is the Idempotency-Key under which By asked for it. Zero: there was no key.
	Request Request `json:"-"`
	// Cursor says how far the action is: it is done with everything before the cursor. The ledger sets and moves it.
	Cursor string `json:"-"`
}

// MaxOpenActions is the number of actions that one key or person may have under way. They take turns with other actions.
const MaxOpenActions = 100

// ActionKind says what is done.
type ActionKind string

// The kinds of actions.
const (
	ActionRetry  ActionKind = "retry"
	ActionCancel ActionKind = "cancel"
)

// Step returns what the action does to each upload. It returns Conflict for a kind that this program does not know.
func (k ActionKind) Step() (Step, error) {
	switch k {
	case ActionRetry:
		return StepRetry, nil
	case ActionCancel:
		return StepCancel, nil
	}
	return "", &Error{Code: Conflict, Op: "read action", Err: Textf("this program knows no action %q", clip(string(k)))}
}

// ActionState says whether an action is still at work.
type ActionState string

// An action runs until it has reached everything, or until somebody stops it.
const (
	ActionRunning ActionState = "running"
	ActionDone    ActionState = "done"
	ActionStopped ActionState = "stopped"
)

// PassBy returns the state's name if the action leaves uploads in this state alone, and "" if it takes them. kept: the
// upload's media is kept alive; to cancel such an upload ends that.
func (a Action) PassBy(s State, kept bool) string {
	if a.Kind == ActionCancel && s == Succeeded && kept {
		return ""
	}
	step, err := a.Kind.Step()
	if err == nil {
		_, err = Next(s, step)
	}
	if err != nil || a.Kind == ActionRetry && s == Succeeded && !a.Again {
		return string(s)
	}
	return ""
}

// ChoiceOf encodes a filter as the choice of an action. It leaves out the cursor and the limit.
func ChoiceOf(f Filter) json.RawMessage {
	b, err := json.Marshal(f)
	if err != nil { // texts, numbers and times of this millennium can always be encoded
		return nil
	}
	return b
}

// Filter decodes the choice and confines it to the action's producer. It returns Conflict for a choice that this program
// does not understand. Another version may have narrowed that choice, so don't carry it out.
func (a Action) Filter() (Filter, error) {
	var f *Filter
	d := json.NewDecoder(bytes.NewReader(a.Choice))
	d.DisallowUnknownFields()
	err := d.Decode(&f)
	if err == nil && f == nil {
		err = Textf("it is null")
	}
	if err != nil {
		return Filter{}, &Error{Code: Conflict, Op: "read choice of action", Err: err}
	}
	if a.Producer != "" {
		f.Producer = a.Producer
	}
	return *f, nil
}

// ActionStep is the next part of an action. The ledger carries it out in one transaction.
type ActionStep struct {
	Action uuid.UUID
	// Holder is the process that works on the action. Others leave the action alone for Lease.
	Holder string
	Lease  time.Duration
	// From is the cursor as the holder knows it. To is the cursor at the end of this step; empty: it is the last step.
	From, To string
	Uploads  []uuid.UUID    // to be retried or canceled
	Left     map[string]int // uploads that were passed by, counted by reason
}

// Taken is one upload that an action changed, and its new state. The state is Running if the upload's worker was asked to
// give it up. With a cancel it is Succeeded if the upload's media is not kept alive any more.
type Taken struct {
	ID    uuid.UUID
	State State
}

// ActionFilter chooses actions for a list. Its zero value chooses all, the newest first.
type ActionFilter struct {
	Producer string // begun with a key of this producer
	Cursor   string // as DeliveryFilter's
	Limit    int    // 0: 100, at most 1,000
}
