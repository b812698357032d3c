package tasks

import (
	"errors"
	"fmt"
	"time"
)

// ErrCutOff is in the chain of a Corrupt error whose file ends too early, so that more of it may come.
var ErrCutOff = errors.New("it is cut off")

// Settled is how long a file must have been left alone before it counts as written to its end.
const Settled = 10 * time.Second

// StillWritten returns err, or the Unstable error that takes its place: where a file is cut off and was modified less
// than Settled ago, more of it may come. A modified of zero, as of an object in a bucket, which appears at once and
// whole, says nothing. The new try is asked for when the file has settled, unless it is written to again.
func StillWritten(err error, modified, now time.Time) error {
	age := now.Sub(modified)
	if modified.IsZero() || !errors.Is(err, ErrCutOff) || age >= Settled || age <= -Settled {
		return err
	}
	return &Error{
		Code: Unstable, Op: "read source", RetryAfter: Settled - age,
		Err: fmt.Errorf("it was modified %s ago and may still be written: %w", max(0, age).Round(time.Second), err),
	}
}
