package enqueue

import (
	"context"
	"errors"
	"testing"
	"time"
)

// voter is an elector with one role. Its answers get lost where lost is set.
type voter struct {
	leader string
	lost   bool
}

func (v *voter) Lead(_ context.Context, _, holder string, _ time.Duration) (bool, error) {
	if v.leader == "" {
		v.leader = holder
	}
	if v.lost {
		return false, errors.New("the answer was lost")
	}
	return v.leader == holder, nil
}

func (v *voter) Resign(_ context.Context, _, holder string) error {
	if v.leader == holder {
		v.leader = ""
	}
	return nil
}

// Who goes down while its election is under way may have been elected: others must not wait for its term to end.
func TestALeaderThatNeverHeardOfItResigns(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{false, true} {
		v := &voter{lost: lost}
		one, other := &candidate{elector: v, role: "r", holder: "one"}, &candidate{elector: v, role: "r", holder: "other"}
		if leads, err := one.stand(t.Context()); leads == lost || (err != nil) != lost {
			t.Errorf("lost %v: it leads: %v, %v", lost, leads, err)
		}
		if leads, _ := other.stand(t.Context()); leads {
			t.Errorf("lost %v: two lead", lost)
		}
		one.resign(t.Context())
		v.lost = false
		if leads, err := other.stand(t.Context()); !leads || err != nil {
			t.Errorf("lost %v: the other leads: %v, %v, once the first has resigned", lost, leads, err)
		}
		one.resign(t.Context())
		if v.leader != "other" {
			t.Errorf("lost %v: %q leads after the first has resigned once more, want the other", lost, v.leader)
		}
	}
}
