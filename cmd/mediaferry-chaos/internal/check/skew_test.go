package check

import (
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
)

func TestTimesOfWrongClocks(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return forgedStart.Add(time.Duration(seconds) * time.Second) }
	jump := func(attack string, struck, healed int, skew time.Duration) history.Injection {
		return history.Injection{Planned: history.Planned{Attack: attack}, Started: at(struck), Ended: at(healed), Skew: skew}
	}
	h := New(&history.History{Ended: at(100), Injections: []history.Injection{
		jump(history.ClockProcess, 10, 12, 5*time.Hour), jump(history.ClockProcess, 20, 22, -5*time.Hour),
		jump(history.ClockAhead, 50, 51, time.Hour), jump(history.ClockAhead, 70, 71, 3*time.Hour),
	}})
	for written, want := range map[time.Time]time.Time{
		at(11):                     at(11),
		at(11).Add(5 * time.Hour):  at(11),
		at(21).Add(-5 * time.Hour): at(21),
		at(60).Add(time.Hour):      at(60),
		at(90).Add(3 * time.Hour):  at(90),
		at(90):                     at(90),
	} {
		if got := h.right(written); !got.Equal(want) {
			t.Errorf("written at %v: it was %v, want %v", written, got, want)
		}
	}
	long := history.Claim{From: at(11).Add(5*time.Hour - 9*time.Second), Took: 9 * time.Second} // its end alone was written down by the wrong clock
	if got := h.began(long); !got.Equal(at(2)) {
		t.Errorf("a claim began at %v, want %v", got, at(2))
	}
	for second, want := range map[int]bool{5: false, 11: true, 13: true, 16: false, 21: true, 40: false, 60: true, 99: true} {
		if h.skewed(at(second)) != want {
			t.Errorf("wrong at second %d: %v, want %v", second, !want, want)
		}
	}
}
