package worker

import (
	"fmt"
	"testing"
)

// That an account is unknown here is said once, however often its uploads come by, and of so many at most.
func TestAnUnknownAccountIsSaidOnce(t *testing.T) {
	t.Parallel()
	var s strangers
	if !s.isNew("nope") || s.isNew("nope") || !s.isNew("other") || s.isNew("nope") {
		t.Error("it is not said once")
	}
	said := 2
	for i := range 2 * maxStrangers {
		if s.isNew(fmt.Sprint(i)) {
			said++
		}
	}
	if said != maxStrangers {
		t.Errorf("%d were told of", said)
	}
}
