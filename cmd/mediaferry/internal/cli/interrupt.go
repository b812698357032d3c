package cli

import (
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/tasks"
)

// interruptedWith returns what says at once, after an interrupt, for what the command still waits.
func (a *app) interruptedWith(s *wire.Stack) func(running int) {
	return func(running int) {
		switch {
		case !s.Working:
			a.say("interrupt.plain")
		case running == 0:
			a.say("interrupt.ending", "Most", s.Config.Worker.Shutdown)
		default:
			a.say("interrupt.finishing", "Count", running, "Most", s.Config.Worker.Shutdown)
		}
	}
}

// sayKept says with which command the submitted uploads go on; with is named first. It says nothing where all of them
// have ended.
func (a *app) sayKept(s *wire.Stack, found []tasks.Outcome, with string) {
	open := len(found) == 0
	for _, o := range found {
		open = open || !o.State.Final()
	}
	if !open {
		return
	}
	command := "interrupt.run"
	if !s.Embedded {
		command = "interrupt.run_or_worker"
	}
	a.say("interrupt.kept", "With", with+a.t(command))
}
