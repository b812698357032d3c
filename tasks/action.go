package tasks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Action is one thing that somebody does to many uploads at once: who, to which, and how far it is. It reaches what
// existed when it began, each upload once, and can be stopped until it has ended.
type Action struct {
	ID   uuid.UUID  `json:"id"`
	Kind ActionKind `json:"kind"`
	By   string     `json:"by"` // a key's name, or a user and the machine
	// Producer is whose uploads alone it reaches, whatever the choice says. Empty: everybody's.
	Producer string          `json:"producer,omitempty"`
	Choice   json.RawMessage `json:"choice"`          // which uploads, as ChoiceOf wrote it
	Again    bool            `json:"again,omitempty"` // a retry takes those that succeeded, too
	State    ActionState     `json:"state"`
	Matched  int             `json:"matched"` // uploads that the choice found just before it began
	Done     int             `json:"done"`
	Left     map[string]int  `json:"left"` // those that it came to and passed by, by why
	Began    time.Time       `json:"began_at"`
	Ended    time.Time       `json:"ended_at,omitzero"`

	// RatePerMinute and DailyBudget are the rights of By: how many uploads it may retry. 0: unlimited.
	RatePerMinute int `json:"-"`
	DailyBudget   int `json:"-"`
	// Request is the name that By gave to the request for it. Zero: it has none.
	Request Request `json:"-"`
	// Cursor is how far it came: everything before it is behind the action. The ledger sets and moves it.
	Cursor string `json:"-"`
}

// MaxOpenActions is how many actions of one key or person may be under way at once: they take turns with the others'.
const MaxOpenActions = 100

// ActionKind says what is done.
type ActionKind string

// The kinds of actions.
const (
	ActionRetry  ActionKind = "retry"
	ActionCancel ActionKind = "cancel"
)

// Step is what the action does to each upload. Conflict: a kind that this program does not know.
func (k ActionKind) Step() (Step, error) {
	switch k {
	case ActionRetry:
		return StepRetry, nil
	case ActionCancel:
		return StepCancel, nil
	}
	return "", &Error{Code: Conflict, Op: "read action", Err: fmt.Errorf("this program knows no action %q", clip(string(k)))}
}

// ActionState says whether an action is still at work.
type ActionState string

// An action runs until it has come to everything, or somebody stopped it.
const (
	ActionRunning ActionState = "running"
	ActionDone    ActionState = "done"
	ActionStopped ActionState = "stopped"
)

// PassBy says why the action leaves an upload in this state alone: the state's name. Empty: it does not.
func (a Action) PassBy(s State) string {
	step, err := a.Kind.Step()
	if err == nil {
		_, err = Next(s, step)
	}
	if err != nil || a.Kind == ActionRetry && s == Succeeded && !a.Again {
		return string(s)
	}
	return ""
}

// ChoiceOf writes down which uploads an action is for. Its cursor and limit are not part of that.
func ChoiceOf(f Filter) json.RawMessage {
	b, err := json.Marshal(f)
	if err != nil { // texts, numbers and times of this millennium can always be encoded
		return nil
	}
	return b
}

// Filter reads the choice, confined to the action's producer. Conflict: it was written by another program, which may
// have narrowed it in ways that this one does not know: nothing may be done by it then.
func (a Action) Filter() (Filter, error) {
	var f *Filter
	d := json.NewDecoder(bytes.NewReader(a.Choice))
	d.DisallowUnknownFields()
	err := d.Decode(&f)
	if err == nil && f == nil {
		err = errors.New("it is null")
	}
	if err != nil {
		return Filter{}, &Error{Code: Conflict, Op: "read choice of action", Err: err}
	}
	if a.Producer != "" {
		f.Producer = a.Producer
	}
	return *f, nil
}

// ActionStep is the next piece of an action, which the ledger does as a whole or not at all.
type ActionStep struct {
	Action uuid.UUID
	// Holder works on the action, and Lease is how long nobody else does without hearing of it.
	Holder string
	Lease  time.Duration
	// From is the cursor as the holder knows it, To where this step ends. Empty: it is the last one.
	From, To string
	Uploads  []uuid.UUID    // to be retried or canceled
	Left     map[string]int // passed by on the way
}

// Taken is one upload that an action was carried out on, and the state that it led to: Running where its worker was
// asked to let go.
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
