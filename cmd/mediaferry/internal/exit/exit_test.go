package exit_test

import (
	"slices"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry/internal/exit"
	"github.com/mediaferry/mediaferry/tasks"
)

// TestExitOf holds the exit code of many outcomes to the order of the help text: each code wins over all after it.
func TestExitOf(t *testing.T) {
	t.Parallel()
	inOrder := []tasks.Outcome{
		{State: tasks.Waiting, Code: tasks.Storage},
		{State: tasks.Failed, Code: tasks.Invalid},
		{State: tasks.Waiting, Code: tasks.AccountHeld},
		{State: tasks.Waiting, Code: tasks.DailyLimit},
		{State: tasks.Failed, Code: tasks.Temporary},
		{State: tasks.Failed, Code: tasks.Corrupt},
		{State: tasks.Succeeded},
	}
	for i, want := range []int{1, 2, 7, 8, 5, 3, 0} {
		those := slices.Clone(inOrder[i:])
		slices.Reverse(those)
		if got := exit.Of(those); got != want {
			t.Errorf("%d outcomes from %s %s on: exit code %d, want %d", len(those), inOrder[i].State, inOrder[i].Code, got, want)
		}
	}
	if got := exit.Of(nil); got != tasks.ExitNothing {
		t.Errorf("no outcomes: exit code %d, want %d", got, tasks.ExitNothing)
	}
	if got := exit.Of([]tasks.Outcome{{State: tasks.Queued}}); got != tasks.ExitTemporary {
		t.Errorf("one that is open: exit code %d, want %d", got, tasks.ExitTemporary)
	}
}
