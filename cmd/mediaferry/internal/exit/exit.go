// Package exit says with which code the program ends.
package exit

import (
	"fmt"

	"github.com/mediaferry/mediaferry/tasks"
)

// Error ends the program with a code. Err may be nil: then everything has been said.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns what went wrong.
func (e *Error) Unwrap() error { return e.Err }

// With ends the program with a code and says nothing more. It returns nil for tasks.ExitOK.
func With(code int) error {
	if code == tasks.ExitOK {
		return nil
	}
	return &Error{Code: code}
}

// Usage marks err as the caller's mistake.
func Usage(err error) error { return &Error{Code: tasks.ExitUsage, Err: err} }

// Usagef is Usage of a sentence, as tasks.Textf takes it.
func Usagef(format string, args ...any) error { return Usage(tasks.Textf(format, args...)) }

// precedence is the order of the help text: the first code that applies to one of many outcomes is that of all.
var precedence = [...]int{tasks.ExitError, tasks.ExitUsage, tasks.ExitAccount, tasks.ExitQuota, tasks.ExitTemporary, tasks.ExitFailed}

// Of returns the exit code of all outcomes together.
func Of(outcomes []tasks.Outcome) int {
	seen := map[int]bool{}
	for _, o := range outcomes {
		seen[o.Exit()] = true
	}
	for _, code := range precedence {
		if seen[code] {
			return code
		}
	}
	if len(outcomes) == 0 {
		return tasks.ExitNothing
	}
	return tasks.ExitOK
}
