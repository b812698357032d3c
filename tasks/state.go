package tasks

import (
	"slices"
)

// State is the state of an upload.
type State string

// An upload is queued, running or waiting until it has its outcome: succeeded, failed or canceled.
const (
	Queued    State = "queued"
	Running   State = "running"
	Waiting   State = "waiting"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Canceled  State = "canceled"
)

// States lists them all, the open ones first.
var States = [...]State{Queued, Running, Waiting, Succeeded, Failed, Canceled}

// Final reports whether s is an outcome.
func (s State) Final() bool { return s == Succeeded || s == Failed || s == Canceled }

// Step is what can happen to an upload.
type Step string

// The steps. Each is allowed from the states that Before lists, and leads to one state.
const (
	StepClaim    Step = "claim"     // a worker took it
	StepHold     Step = "hold"      // its account is paused
	StepWait     Step = "wait"      // backoff, hold, quota or twin, found while running
	StepDue      Step = "due"       // what it waited for is over
	StepHandBack Step = "hand back" // the worker can't judge it, is going down, or lost its lease
	StepSucceed  Step = "succeed"
	StepFail     Step = "fail"
	StepDeadline Step = "deadline" // no outcome by ExpiresBy
	StepCancel   Step = "cancel"
	StepRetry    Step = "retry" // somebody asked for a new round
)

// Steps lists them all.
var Steps = [...]Step{StepClaim, StepHold, StepWait, StepDue, StepHandBack, StepSucceed, StepFail, StepDeadline, StepCancel, StepRetry}

// transitions is the whole table: what is not in it is refused.
var transitions = map[Step]struct {
	from []State
	to   State
}{
	StepClaim:    {[]State{Queued}, Running},
	StepHold:     {[]State{Queued}, Waiting},
	StepWait:     {[]State{Running}, Waiting},
	StepDue:      {[]State{Waiting}, Queued},
	StepHandBack: {[]State{Running}, Queued},
	StepSucceed:  {[]State{Running}, Succeeded},
	StepFail:     {[]State{Running}, Failed},
	StepDeadline: {[]State{Queued, Waiting}, Failed},
	StepCancel:   {[]State{Queued, Waiting, Running}, Canceled},
	StepRetry:    {[]State{Succeeded, Failed, Canceled}, Queued},
}

// Next returns the state that step leads to, and a Conflict error if the table does not allow the step. A late finish of
// a claim that no other worker has taken over counts as a step from Running.
func Next(from State, step Step) (State, error) {
	t, ok := transitions[step]
	if !ok || !slices.Contains(t.from, from) {
		return "", &Error{Code: Conflict, Op: string(step), Err: Textf("an upload that is %s can't take this step", from)}
	}
	return t.to, nil
}

// Before lists the states from which step is allowed.
func Before(step Step) []State { return slices.Clone(transitions[step].from) }
