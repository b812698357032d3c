package watch

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/mediaferry/mediaferry/tasks/taskstest"
)

// series are samples, one a minute, by their series.
type series map[string]string

// causes are, for each alert, data for which it fires within two hours, and data that look like it for which it does not.
var causes = map[string]struct{ fires, quiet series }{
	"MediaferryNoFigures": {series{`mediaferry_uploads_missing`: "0x30 stale"}, series{`mediaferry_uploads_missing`: "0x120"}},
	"MediaferryNoWorkers": {series{`mediaferry_processes{role="worker"}`: "0x120", `mediaferry_processes{role="serve"}`: "1x120"}, series{`mediaferry_processes{role="worker"}`: "0x120", `mediaferry_processes{role="run"}`: "1x120"}},
	"MediaferryStandsStill": {series{`mediaferry_uploads_open{reason="ready"}`: "5x120", `mediaferry_uploads_ended_total`: "7x120"},
		series{`mediaferry_uploads_open{reason="ready"}`: "5x120", `mediaferry_uploads_ended_total`: "7+1x120"}},
	"MediaferryUploadsMissing": {series{`mediaferry_uploads_missing`: "-1x120"}, series{`mediaferry_uploads_missing`: "0x120"}},
	"MediaferryUploadsLate": {series{`mediaferry_uploads_oldest_open_timestamp_seconds`: "1x120", `mediaferry_uploads_open{reason="ready"}`: "1x120"},
		series{`mediaferry_uploads_oldest_open_timestamp_seconds`: "1x120", `mediaferry_uploads_open{reason="ready"}`: "0x120", `mediaferry_uploads_open{reason="quota"}`: "1x120"}},
	"MediaferryUnserved":    {series{`mediaferry_uploads_unserved`: "2x120"}, series{`mediaferry_uploads_unserved`: "0x120"}},
	"MediaferryAccountHeld": {series{`mediaferry_account_held{account="shop",code="account"}`: "1x120"}, series{`mediaferry_account_held{account="shop",code="daily_limit"}`: "1x120"}},
	"MediaferryUnreachable": {series{`mediaferry_account_held{account="shop",code="unreachable"}`: "1x120"}, series{`mediaferry_account_held{account="shop",code="account"}`: "1x120"}},
	"MediaferryAddressRefused": {series{`mediaferry_workers_refused{account="shop"}`: "0x9 1x120", `mediaferry_workers_refused{account="crm"}`: "0x120"},
		series{`mediaferry_workers_refused{account="shop"}`: "0x120"}},
	"MediaferryCutOff":   {series{`mediaferry_workers_cut_off`: "1x120"}, series{`mediaferry_workers_cut_off`: "0x120"}},
	"MediaferryDaySpent": {series{`mediaferry_account_held{account="shop",code="daily_limit"}`: "1x120"}, series{`mediaferry_account_held{account="shop",code="minute_limit"}`: "1x120"}},
	"MediaferryUploadsFail": {series{`mediaferry_uploads_ended_total{account="shop",outcome="failed"}`: "0+1x120", `mediaferry_uploads_ended_total{account="shop",outcome="succeeded"}`: "0+3x120"},
		series{`mediaferry_uploads_ended_total{account="shop",outcome="failed"}`: "0+1x120", `mediaferry_uploads_ended_total{account="shop",outcome="succeeded"}`: "0+5x120"}},
	"MediaferryUnknownErrcode": {series{`mediaferry_tries_total{account="shop",code="unknown"}`: "0x110 1x10"}, series{`mediaferry_tries_total{code="temporary"}`: "0+1x120"}},
	"MediaferryDefect":         {series{`mediaferry_uploads_ended_total{outcome="failed",code="poison"}`: "0x110 1x10"}, series{`mediaferry_uploads_ended_total{outcome="failed",code="missing"}`: "0+1x120"}},
	"MediaferryTokenContested": {series{`mediaferry_tries_total{account="shop",code="token"}`: "0+1x120"}, series{`mediaferry_tries_total{account="shop",code="token"}`: "0x110 1x10"}},
	"MediaferryWebhooksLate":   {series{`mediaferry_deliveries_oldest_timestamp_seconds`: "1x120"}, series{`mediaferry_deliveries_oldest_timestamp_seconds`: "0+60x120"}},
	"MediaferryQueuePaused":    {series{`mediaferry_belt_paused{queue="bulk"}`: "1x120"}, series{`mediaferry_belt_paused{queue="bulk"}`: "0x120"}},
	"MediaferryLedgerFails":    {series{`mediaferry_ledger_errors_total{use="write"}`: "0+1x120"}, series{`mediaferry_ledger_errors_total{use="write"}`: "0x110 1x10"}},
	"MediaferryLedgerSlow": {series{`mediaferry_ledger_duration_seconds_bucket{use="write",le="1"}`: "0+1x120", `mediaferry_ledger_duration_seconds_bucket{use="write",le="5"}`: "0+9x120", `mediaferry_ledger_duration_seconds_bucket{use="write",le="+Inf"}`: "0+9x120"},
		series{`mediaferry_ledger_duration_seconds_bucket{use="view",le="1"}`: "0+1x120", `mediaferry_ledger_duration_seconds_bucket{use="view",le="5"}`: "0+9x120", `mediaferry_ledger_duration_seconds_bucket{use="view",le="+Inf"}`: "0+9x120"}},
	"MediaferryRedisFails":     {series{`mediaferry_redis_errors_total`: "0+1x120"}, series{`mediaferry_redis_errors_total`: "0x110 1x10"}},
	"MediaferryMemoryShort":    {series{`mediaferry_memory_waiting{lane="bulk"}`: "3x120"}, series{`mediaferry_memory_waiting{lane="bulk"}`: "0x120"}},
	"MediaferryVersionsDiffer": {series{`mediaferry_build_info{version="1",role="worker"}`: "1x120", `mediaferry_build_info{version="2",role="worker"}`: "1x120"}, series{`mediaferry_build_info{version="1",role="worker"}`: "1x120", `mediaferry_build_info{version="1",role="serve"}`: "1x120"}},
}

func TestAlertsFireForTheirCauseOnly(t *testing.T) {
	t.Parallel()
	promtool := taskstest.FullTool(t, "promtool")
	dir := t.TempDir()
	all, err := Rules(Usual())
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "all.yaml"), all)
	check, test := []string{"check", "rules", "all.yaml"}, []string{"test", "rules"}
	for _, a := range Alerts {
		c, known := causes[a.Name]
		if !known {
			t.Errorf("nothing causes %s", a.Name)
		}
		alone, err := rules([]Alert{a}, Usual()) // all of them for each would take a minute
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, a.Name+".yaml"), alone)
		write(t, filepath.Join(dir, a.Name+"-test.yaml"), testOf(t, a, map[int]series{1: c.fires, 0: c.quiet}))
		test = append(test, a.Name+"-test.yaml")
	}
	for _, args := range [][]string{check, test} {
		cmd := exec.CommandContext(t.Context(), promtool, args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args[:2], " "), err, out)
		}
	}
}

// testOf is a test of promtool's: by how many alerts should fire after two hours of the data.
func testOf(t *testing.T, a Alert, firing map[int]series) []byte {
	t.Helper()
	type object = map[string]any
	var tests []object
	for fires, data := range firing {
		var input []object
		for name, values := range data {
			input = append(input, object{"series": name, "values": values})
		}
		tests = append(tests, object{
			"name": fmt.Sprintf("%s %d", a.Name, fires), "interval": "1m", "input_series": input,
			"promql_expr_test": []object{{
				"expr": `count(ALERTS{alertstate="firing"}) or vector(0)`, "eval_time": "2h",
				"exp_samples": []object{{"labels": "{}", "value": fires}},
			}},
		})
	}
	text, err := yaml.Marshal(object{"rule_files": []string{a.Name + ".yaml"}, "evaluation_interval": "1m", "tests": tests})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDashboardShowsEachPanelOnceWithoutOverlap(t *testing.T) {
	t.Parallel()
	b, err := Dashboard()
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Type    string
			Targets []struct{ Expr string }
			GridPos struct{ X, Y, W, H int }
		}
	}
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	taken, shown := map[[2]int]string{}, map[string]int{}
	for _, p := range d.Panels {
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if taken[at] != "" {
					t.Fatalf("%s lies on %s", p.Title, taken[at])
				}
				taken[at] = p.Title
			}
		}
		if p.Type != "row" {
			shown[p.Title] = len(p.Targets)
		}
	}
	for _, row := range Rows {
		for _, p := range row.Panels {
			if shown[p.Title] != len(p.Queries) {
				t.Errorf("%s has %d queries, want %d", p.Title, shown[p.Title], len(p.Queries))
			}
		}
	}
}
