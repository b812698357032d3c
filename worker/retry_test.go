package worker

import (
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	t.Parallel()
	r := Retry{}.withDefaults()
	for _, tc := range []struct {
		failed int
		random float64
		asked  time.Duration
		want   time.Duration
	}{
		{1, 1, 0, time.Second},
		{1, 0, 0, 0},
		{2, 1, 0, 2 * time.Second},
		{4, 0.5, 0, 4 * time.Second},
		{9, 1, 0, 256 * time.Second},
		{10, 1, 0, 5 * time.Minute},
		{1000, 1, 0, 5 * time.Minute},
		{1, 0.1, time.Minute, time.Minute},
	} {
		if got := r.pause(tc.failed, tc.random, tc.asked); got != tc.want {
			t.Errorf("pause(%d, %v, %v) = %v, want %v", tc.failed, tc.random, tc.asked, got, tc.want)
		}
	}
}
