// Package schema is what the columns of the tables mean, for the ledger, which writes them, and for the view, which
// shows them.
package schema

import (
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Phase is the column that says where an upload is: a state, with queued split into what is on the belt and what is not.
// Running is no value of the column: an upload is under way (Dispatched) while it has a run, and runs once that is
// claimed. CurrentPhase tells the two apart.
type Phase int

const (
	Ready Phase = iota
	Dispatched
	Running
	Waiting
	Succeeded
	Failed
	Canceled
)

var phaseStates = [...]tasks.State{tasks.Queued, tasks.Queued, tasks.Running, tasks.Waiting, tasks.Succeeded, tasks.Failed, tasks.Canceled}

// State is the state that people see.
func (p Phase) State() tasks.State { return phaseStates[p] }

// Final reports whether the upload has its outcome.
func (p Phase) Final() bool { return p >= Succeeded }

// Phases lists what a state may be stored as.
func Phases(s tasks.State) []Phase {
	var ps []Phase
	for p, of := range phaseStates {
		if of == s {
			ps = append(ps, Phase(p))
		}
	}
	return ps
}

// PhaseOf is the phase that an upload enters a state with.
func PhaseOf(s tasks.State) Phase { return Phases(s)[0] }

const (
	isClaimed = "EXISTS (SELECT 1 FROM runs x WHERE x.upload = u.seq AND x.token IS NOT NULL)"
	// CurrentPhase is the phase of the upload u.
	CurrentPhase = "CASE WHEN u.phase = 1 AND " + isClaimed + " THEN 2 ELSE u.phase END"
	// IsQueued is the condition that the upload u is queued, on the belt or not.
	IsQueued = "(u.phase = 0 OR (u.phase = 1 AND NOT " + isClaimed + "))"
	// IsRunning is the condition that a worker has claimed the upload u.
	IsRunning = "(u.phase = 1 AND " + isClaimed + ")"
)

// InState is the condition that the upload u is in a state.
func InState(s tasks.State) string {
	switch s {
	case tasks.Queued:
		return IsQueued
	case tasks.Running:
		return IsRunning
	default:
		return "u.phase = " + Numbers(Phases(s))
	}
}

// BeforeStep is the SQL condition that a step is allowed, straight from the table of states.
func BeforeStep(step tasks.Step) string {
	var in []Phase
	for _, s := range tasks.Before(step) {
		in = append(in, Phases(s)...)
	}
	return "u.phase IN (" + Numbers(in) + ")"
}

// Numbers lists phases for an SQL IN.
func Numbers(ps []Phase) string {
	var s []string
	for _, p := range ps {
		s = append(s, strconv.Itoa(int(p)))
	}
	return strings.Join(s, ", ")
}
