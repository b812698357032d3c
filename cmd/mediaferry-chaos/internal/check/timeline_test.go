package check

import (
	"strings"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/tasks"
)

// A recovery that takes too long is told from the blow to the claim that ended it.
func TestSlowRecoveryIsExplained(t *testing.T) {
	t.Parallel()
	f := clean(t)
	f.kill(idOf(0))
	f.Outcomes[0].History[0].Started = forgedStart.Add(20 * time.Second)
	f.Observations = []history.Observation{
		{At: forgedStart.Add(time.Second), Phase: "dispatch", Worker: "w9"},
		{At: forgedStart.Add(19 * time.Second), Upload: idOf(0), Phase: "dispatched", Generation: 2},
	}
	f.Claims = []history.Claim{{Upload: idOf(0), From: forgedStart.Add(20 * time.Second), Took: time.Second, Process: "worker-2", State: tasks.Succeeded}}
	r := New(f.History)
	if all := r.Recovered(); len(all) != 1 || all[0].Upload != idOf(0) || all[0].Took != 21*time.Second || all[0].Attack != "worker-kill of " {
		t.Errorf("recovered: %+v", all)
	}
	text := strings.Join(r.Timeline(idOf(0)), "\n")
	for _, want := range []string{"generation 2", "leader of dispatch is w9", "worker-2 claimed it"} {
		if !strings.Contains(text, want) {
			t.Errorf("the timeline does not say %q:\n%s", want, text)
		}
	}
}
