// Package schema is what the columns of the tables mean, for the ledger, which writes them, and for the view, which
// shows them.
package schema

import (
	"strconv"
	"strings"

	"github.com/mediaferry/mediaferry/tasks"
)

// Phase is the column that says where an upload is: a state, with queued split into what is on the belt and what is not.
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

// BeforeStep is the SQL condition that a step is allowed, straight from the table of states.
func BeforeStep(step tasks.Step) string {
	var in []Phase
	for _, s := range tasks.Before(step) {
		in = append(in, Phases(s)...)
	}
	return "phase IN (" + Numbers(in) + ")"
}

// Numbers lists phases for an SQL IN.
func Numbers(ps []Phase) string {
	var s []string
	for _, p := range ps {
		s = append(s, strconv.Itoa(int(p)))
	}
	return strings.Join(s, ", ")
}
