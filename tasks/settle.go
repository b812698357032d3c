package tasks

import (
	"errors"
	"time"
)

// ErrCutOff is in the chain of a Corrupt error if the file ends too early: more of it may come.
var ErrCutOff error = Textf("it is cut off")

// Settled is the time that a file must be unmodified before it counts as complete.
const Settled = 10 * time.Second

// StillWritten returns an Unstable error in place of err if the file is cut off and was modified less than Settled ago,
// since more of it may come. The Unstable error asks for a new try when the file has settled. With a modified of zero it
// returns err: an object in a bucket appears at once and whole.
func StillWritten(err error, modified, now time.Time) error {
	age := now.Sub(modified)
	if modified.IsZero() || !errors.Is(err, ErrCutOff) || age >= Settled || age <= -Settled {
		return err
	}
	cause := AsError(err)
	return &Error{
		Params: Params{Detail: cause.Params.Detail},
		Code:   Unstable, Op: "read source", RetryAfter: Settled - age,
		Err: Textf("it was modified %s ago and may still be written: %w", max(0, age).Round(time.Second), causeError{err, cause}),
	}
}

// causeError is an error that says only its cause, and not the step that failed.
type causeError struct {
	err   error
	cause *Error
}

func (e causeError) Error() string {
	if e.cause.Err == nil {
		return e.cause.Error()
	}
	return e.cause.Err.Error()
}

// Unwrap returns the error with its step.
func (e causeError) Unwrap() error { return e.err }
