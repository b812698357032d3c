package tasks_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestStillWritten(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	cut := &tasks.Error{Code: tasks.Corrupt, Op: "check image", Err: fmt.Errorf("JPEG ends: %w", tasks.ErrCutOff)}
	damaged := &tasks.Error{Code: tasks.Corrupt, Op: "check image", Err: errors.New("a wrong checksum")}
	for name, c := range map[string]struct {
		err      error
		modified time.Time
		code     tasks.Code
		after    time.Duration
	}{
		"just now":                      {cut, now, tasks.Unstable, tasks.Settled},
		"seconds ago":                   {cut, now.Add(-3 * time.Second), tasks.Unstable, tasks.Settled - 3*time.Second},
		"by a clock that is ahead":      {cut, now.Add(2 * time.Second), tasks.Unstable, tasks.Settled + 2*time.Second},
		"long enough ago":               {cut, now.Add(-tasks.Settled), tasks.Corrupt, 0},
		"tomorrow, which says nothing":  {cut, now.Add(24 * time.Hour), tasks.Corrupt, 0},
		"at an unknown time":            {cut, time.Time{}, tasks.Corrupt, 0},
		"just now, damaged but not cut": {damaged, now, tasks.Corrupt, 0},
	} {
		got := tasks.AsError(tasks.StillWritten(c.err, c.modified, now))
		if got.Code != c.code || got.RetryAfter != c.after || !errors.Is(got, c.err) {
			t.Errorf("%s: %s, again after %s, want %s and %s", name, got.Code, got.RetryAfter, c.code, c.after)
		}
	}
	if err := tasks.StillWritten(nil, now, now); err != nil {
		t.Errorf("no error became %v", err)
	}
	if !tasks.Unstable.Retryable() || tasks.Unstable.Exit() != tasks.ExitTemporary {
		t.Error("unstable is not a failure that passes")
	}
}
