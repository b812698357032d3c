package ledger

import "github.com/mediaferry/mediaferry/tasks"

// phase is the column that says where an upload is: a state, with queued split into what is on the belt and what is not.
type phase int

const (
	ready phase = iota
	dispatched
	running
	waiting
	succeeded
	failed
	canceled
)

var phaseStates = [...]tasks.State{tasks.Queued, tasks.Queued, tasks.Running, tasks.Waiting, tasks.Succeeded, tasks.Failed, tasks.Canceled}

func (p phase) state() tasks.State { return phaseStates[p] }

func (p phase) final() bool { return p >= succeeded }

// phases lists what a state may be stored as.
func phases(s tasks.State) []phase {
	var ps []phase
	for p, of := range phaseStates {
		if of == s {
			ps = append(ps, phase(p))
		}
	}
	return ps
}

// phaseOf is the phase that an upload enters a state with.
func phaseOf(s tasks.State) phase { return phases(s)[0] }

// before is the SQL condition that a step is allowed, straight from the table of states.
func before(step tasks.Step) string {
	var in []phase
	for _, s := range tasks.Before(step) {
		in = append(in, phases(s)...)
	}
	return "phase IN (" + numbers(in) + ")"
}
