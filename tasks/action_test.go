package tasks_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
)

func TestChoiceComesBackAsItWasWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 4, 0, 0, 0, time.UTC)
	full := tasks.Filter{
		IDs: []uuid.UUID{uuid.New()}, States: []tasks.State{tasks.Failed, tasks.Canceled}, Batch: uuid.New(), Account: "a", Type: tasks.Image,
		Code: tasks.Missing, Errcode: 40004, Producer: "shop", Since: at, Until: at.Add(time.Hour), Query: "q", Source: "a/**",
		Metadata: map[string]string{"k": "v"},
	}
	for _, f := range []tasks.Filter{{}, full} {
		got, err := tasks.Action{Choice: tasks.ChoiceOf(f)}.Filter()
		if err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(f, got); d != "" {
			t.Error(d)
		}
	}
	if got := string(tasks.ChoiceOf(tasks.Filter{Cursor: "c", Limit: 5})); got != "{}" {
		t.Errorf("how far a page is became part of the choice: %s", got)
	}
}

func TestActionReachesItsProducerOnly(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"", "rival"} {
		f, err := tasks.Action{Producer: "shop", Choice: tasks.ChoiceOf(tasks.Filter{Producer: named})}.Filter()
		if err != nil || f.Producer != "shop" {
			t.Errorf("it reaches %q (%v)", f.Producer, err)
		}
	}
}

// A choice that is not understood in full may mean fewer uploads than what is understood of it: nothing is done then.
func TestChoiceThatIsNotUnderstood(t *testing.T) {
	t.Parallel()
	for _, choice := range []string{"", "null", "{", `{"mood":"glad"}`, `{"state":"failed"}`} {
		if f, err := (tasks.Action{Choice: json.RawMessage(choice)}).Filter(); tasks.CodeOf(err) != tasks.Conflict {
			t.Errorf("%q is read as %+v (%v)", choice, f, err)
		}
	}
}

func TestWhatActionsPassBy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		action tasks.Action
		kept   bool
		takes  []tasks.State
	}{
		"retry":       {tasks.Action{Kind: tasks.ActionRetry}, false, []tasks.State{tasks.Failed, tasks.Canceled}},
		"retry again": {tasks.Action{Kind: tasks.ActionRetry, Again: true}, false, []tasks.State{tasks.Succeeded, tasks.Failed, tasks.Canceled}},
		"cancel":      {tasks.Action{Kind: tasks.ActionCancel}, false, []tasks.State{tasks.Queued, tasks.Running, tasks.Waiting}},
		"cancel kept": {tasks.Action{Kind: tasks.ActionCancel}, true, []tasks.State{tasks.Queued, tasks.Running, tasks.Waiting, tasks.Succeeded}},
		"retry kept":  {tasks.Action{Kind: tasks.ActionRetry}, true, []tasks.State{tasks.Failed, tasks.Canceled}},
		"unknown":     {tasks.Action{Kind: "rename"}, true, nil},
	} {
		var takes []tasks.State
		for _, s := range tasks.States {
			switch why := tc.action.PassBy(s, tc.kept); why {
			case "":
				takes = append(takes, s)
			case string(s):
			default:
				t.Errorf("%s passes %s by for %q", name, s, why)
			}
		}
		if d := cmp.Diff(tc.takes, takes); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}
