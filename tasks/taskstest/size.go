package taskstest

import (
	"os"
	"testing"
)

// Size returns how many of something a large test takes: all n with SIZE=full in the environment, which make full sets,
// a tenth of them otherwise, and a fortieth under the race detector, whose SQLite is more than ten times slower. What a
// test shows must hold at each of these sizes.
func Size(n int) int {
	switch {
	case raceDetector:
		return n / 40
	case os.Getenv("SIZE") == "full":
		return n
	default:
		return n / 10
	}
}

// Full skips a test that takes long, unless SIZE=full is in the environment.
func Full(tb testing.TB) {
	tb.Helper()
	if os.Getenv("SIZE") != "full" {
		tb.Skip("takes long: SIZE=full runs it, as make full does")
	}
}
