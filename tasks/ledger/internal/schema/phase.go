// Package schema says what the columns of the tables mean, for the ledger, which writes them, and for the view, which
// shows them.
package schema

import (
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Phase is the column for the state of an upload. Queued uploads are Ready, or Dispatched while they have a run. A running
// upload is Dispatched too in the column, and its run is claimed. CurrentPhase tells the two apart.
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

// State returns the state that people see.
func (p Phase) State() tasks.State { return phaseStates[p] }

// Final reports whether the upload has its outcome.
func (p Phase) Final() bool { return p >= Succeeded }

// Phases lists the phases that a state is stored as.
func Phases(s tasks.State) []Phase {
	var ps []Phase
	for p, of := range phaseStates {
		if of == s {
			ps = append(ps, Phase(p))
		}
	}
	return ps
}

// PhaseOf returns the phase in which an upload enters a state.
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

// InState returns the condition that the upload u is in a state.
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

// BeforeStep returns the SQL condition that the table of states allows a step.
func BeforeStep(step tasks.Step) string {
	var in []Phase
	for _, s := range tasks.Before(step) {
		in = append(in, Phases(s)...)
	}
	return "u.phase IN (" + Numbers(in) + ")"
}

// Numbers lists phases for the SQL operator IN.
func Numbers(ps []Phase) string {
	var s []string
	for _, p := range ps {
		s = append(s, strconv.Itoa(int(p)))
	}
	return strings.Join(s, ", ")
}
