package cli

import (
	"fmt"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/output"
	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/wire"
	"github.com/mediaferry/mediaferry/tasks"
)

// interruptedWith returns what says at once, after an interrupt, for what the command still waits.
func (a *app) interruptedWith(s *wire.Stack) func(running int) {
	return func(running int) {
		switch {
		case !s.Working:
			fmt.Fprintln(a.Err, "interrupted")
		case running == 0:
			fmt.Fprintf(a.Err, "interrupted: ending what is under way, at most %v; interrupt again to end at once\n", s.Config.Worker.Shutdown)
		default:
			fmt.Fprintf(a.Err, "interrupted: finishing %s, at most %v; interrupt again to end at once\n", output.Count(running, "upload", "uploads"), s.Config.Worker.Shutdown)
		}
	}
}

// sameCommand is what sayKept names first where running the command again goes on with what it submitted.
const sameCommand = "the same command or "

// sayKept says with which command the submitted uploads go on. It says nothing where all of them have ended.
func (a *app) sayKept(s *wire.Stack, found []tasks.Outcome, with string) {
	open := len(found) == 0
	for _, o := range found {
		open = open || !o.State.Final()
	}
	if !open {
		return
	}
	with += "mediaferry run"
	if !s.Embedded {
		with += " or worker"
	}
	fmt.Fprintln(a.Err, "what was submitted is kept, and goes on with", with)
}
