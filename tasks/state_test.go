package tasks_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mediaferry/mediaferry/tasks"
)

// Whatever happens in whatever order: a round has at most one outcome, and only a retry leaves it.
func TestRoundsEndOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		state, outcomes, rounds := tasks.Queued, 0, 1
		for _, step := range rapid.SliceOf(rapid.SampledFrom(tasks.Steps[:])).Draw(t, "steps") {
			next, err := tasks.Next(state, step)
			if err != nil {
				if !errors.Is(err, &tasks.Error{Code: tasks.Conflict}) {
					t.Fatalf("%s from %s: %v is no conflict", step, state, err)
				}
				continue
			}
			switch {
			case state.Final() && step != tasks.StepRetry:
				t.Fatalf("%s left the outcome %s for %s", step, state, next)
			case step == tasks.StepRetry:
				rounds++
			case next.Final():
				outcomes++
			}
			if outcomes > rounds {
				t.Fatalf("%d outcomes in %d rounds", outcomes, rounds)
			}
			state = next
		}
	})
}

func TestNext(t *testing.T) {
	t.Parallel()
	allowed := map[tasks.State]map[tasks.Step]tasks.State{
		tasks.Queued: {
			tasks.StepClaim: tasks.Running, tasks.StepHold: tasks.Waiting,
			tasks.StepDeadline: tasks.Failed, tasks.StepCancel: tasks.Canceled,
		},
		tasks.Running: {
			tasks.StepSucceed: tasks.Succeeded, tasks.StepFail: tasks.Failed, tasks.StepWait: tasks.Waiting,
			tasks.StepHandBack: tasks.Queued, tasks.StepCancel: tasks.Canceled,
		},
		tasks.Waiting: {
			tasks.StepDue: tasks.Queued, tasks.StepDeadline: tasks.Failed, tasks.StepCancel: tasks.Canceled,
		},
		tasks.Succeeded: {tasks.StepRetry: tasks.Queued},
		tasks.Failed:    {tasks.StepRetry: tasks.Queued},
		tasks.Canceled:  {tasks.StepRetry: tasks.Queued},
	}
	for _, from := range tasks.States {
		for _, step := range tasks.Steps {
			want, ok := allowed[from][step]
			got, err := tasks.Next(from, step)
			if got != want || (err == nil) != ok {
				t.Errorf("Next(%s, %s) = %q, %v; want %q", from, step, got, err, want)
			}
			if slices.Contains(tasks.Before(step), from) != ok {
				t.Errorf("Before(%s) has %s: %v, want %v", step, from, !ok, ok)
			}
		}
	}
}
