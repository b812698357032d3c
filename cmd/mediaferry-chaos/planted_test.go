//go:build planted

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/check"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/planted"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/report"
	"github.com/mediaferry/mediaferry/tasks"
)

// A worker with a planted bug is found out by a seeded run, and one without passes the same run. The runs come one
// after the other: each is a whole fleet.
func TestPlantedBugsAreFound(t *testing.T) { //nolint:paralleltest // see above
	for _, tc := range []struct {
		bug      string
		duration string
		attacks  string
		kills    string
		found    string // a kind of finding that this bug must lead to; empty: nothing may be found
		diverse  bool
	}{
		{planted.None, "6s", "worker-stop,worker-kill", "8", "", false},
		{planted.NoFence, "12s", "worker-stop", "8", check.Conflicting, false},
		{planted.SplitOutbox, "6s", "producer-kill", "2", check.Outbox, false},
		{planted.EarlyBatch, "6s", "producer-kill", "2", check.Batch, false},
		{planted.LostDispatch, "6s", "producer-kill", "2", check.Lost, false},
		{planted.DoubleClaim, "6s", "producer-kill", "2", check.Duplicates, false},
		{planted.ForgottenRest, "6s", "producer-kill", "2", check.Lost, false},
		{planted.NeighbourToken, "6s", "producer-kill", "2", check.Media, false},
		{planted.Starve, "25s", "producer-kill", "2", check.Starved, true},
	} {
		t.Run(tc.bug, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "report.json")
			code, text := invoke(t, "-seed", "3", "-ledger", "sqlite", "-duration", tc.duration, "-uploads", "500", fmt.Sprintf("-uniform=%v", !tc.diverse),
				"-planted", tc.bug, "-attacks", tc.attacks, "-kills", tc.kills, "-report", file)
			if tc.found == "" {
				if code != tasks.ExitOK {
					t.Errorf("exit code %d:\n%s", code, text)
				}
				return
			}
			if found := findings(t, file); code != tasks.ExitFailed || found[tc.found] == 0 {
				t.Errorf("exit code %d, no %q found:\n%s", code, tc.found, text)
			}
			if !strings.Contains(text, "seed 3: ") {
				t.Errorf("the seed is not told:\n%s", text)
			}
		})
	}
}

func findings(t *testing.T, file string) map[string]int {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	return r.Runs[0].Found
}
