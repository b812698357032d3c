// Package taskstest helps the tests of every package: it waits for what other goroutines and processes bring about, and
// finds programs. A wait ends with the deadline of the test (go test -timeout), so that no test guesses how fast a machine is.
package taskstest

import (
	"context"
	"testing"
	"time"
)

// look is the time between two looks at a condition.
const look = 10 * time.Millisecond

// grace is kept back from the deadline, so that a test which waits in vain says for what before go test ends it.
const grace = 5 * time.Second

// Until waits for a condition: it asks every 10 ms. It fails the test when the test's deadline comes first. Don't use it in a
// synctest bubble, which has another clock.
func Until(tb testing.TB, what string, met func() bool) {
	tb.Helper()
	ctx := Context(tb)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			tb.Fatalf("it never came to this: %s", what)
		case <-tick.C:
		}
	}
}

// Context is tb.Context that also ends a moment before the test's deadline. It is for calls which would hang if the test
// failed.
func Context(tb testing.TB) context.Context {
	t, ok := tb.(interface{ Deadline() (time.Time, bool) })
	if !ok { // a benchmark
		return tb.Context()
	}
	end, limited := t.Deadline()
	if !limited {
		return tb.Context()
	}
	ctx, cancel := context.WithDeadline(tb.Context(), end.Add(-grace))
	tb.Cleanup(cancel)
	return ctx
}
