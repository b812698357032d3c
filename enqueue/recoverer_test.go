package enqueue

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// A place that a task was found in once is no loss, except for a silent worker: the task may be on its way.
func TestRecovererWaitsBeforeItCallsATaskLost(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_800_000_000, 0)
	for name, tc := range map[string]struct {
		place Place
		after time.Duration // the time for which a task at this place is not lost; negative: it never is
	}{
		"gone":    {PlaceGone, goneFor},
		"active":  {PlaceActive, activeFor},
		"silent":  {PlaceSilent, 0},
		"pending": {PlacePending, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := tasks.Chunk{Task: "a"}
			var found foundTask
			lost := func(after time.Duration) bool {
				now := start.Add(after)
				found = found.at(tc.place, now)
				r := recoverer{seen: map[string]foundTask{c.Task: found}}
				return len(r.lost([]tasks.Chunk{c}, now)) == 1
			}
			if got := lost(0); got != (tc.after == 0) {
				t.Errorf("lost at first sight: %v", got)
			}
			if tc.after > 0 && lost(tc.after-time.Millisecond) {
				t.Errorf("lost before %v", tc.after)
			}
			if got := lost(max(tc.after, time.Hour)); got != (tc.after >= 0) {
				t.Errorf("lost in the end: %v", got)
			}
		})
	}
}

// Another place begins another wait.
func TestRecovererCountsEachPlaceFromItsBeginning(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_800_000_000, 0)
	found := foundTask{}.at(PlaceActive, start).at(PlaceGone, start.Add(activeFor-time.Second))
	r := recoverer{seen: map[string]foundTask{"a": found}}
	if lost := r.lost([]tasks.Chunk{{Task: "a"}}, start.Add(activeFor)); len(lost) != 0 {
		t.Error("a task that has been gone for a second is lost")
	}
}
