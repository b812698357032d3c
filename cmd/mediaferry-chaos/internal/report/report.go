// Package report sums up what was found in the histories of runs, for people and as JSON.
package report

import (
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/check"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/history"
	"github.com/mediaferry/mediaferry/cmd/mediaferry-chaos/internal/scenario"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// Report is the result of one command: of one run, or of one for each kind of ledger.
type Report struct {
	Seed     uint64      `json:"seed"`
	Replay   string      `json:"replay,omitempty"` // the command line that makes the same run again
	Findings int         `json:"findings"`
	Runs     []RunReport `json:"runs"`
}

// RunReport is the result of one run. Durations are in seconds.
type RunReport struct {
	Run        scenario.Run            `json:"run"`
	Settled    bool                    `json:"settled"`
	Accepted   int                     `json:"acknowledged"`
	Unanswered int                     `json:"unanswered"` // HTTP requests
	Outcomes   map[tasks.State]int     `json:"outcomes"`
	Found      map[string]int          `json:"found"` // by kind; it has every kind
	Findings   []check.Finding         `json:"findings"`
	Timelines  map[uuid.UUID][]string  `json:"timelines,omitempty"` // of the first uploads with findings, and of the slowest recoveries
	Slowest    []check.Recovery        `json:"slowest,omitempty"`
	Calls      int                     `json:"upload_calls"`
	Duplicates int                     `json:"duplicates"`
	Bound      int                     `json:"duplicates_bound"`
	Webhooks   int                     `json:"webhook_requests"`
	Attacks    map[string]AttackReport `json:"attacks"`
	Kills      int                     `json:"kills"`
	Recovered  int                     `json:"recoveries"`
	P50        float64                 `json:"recovery_p50"`
	P99        float64                 `json:"recovery_p99"`
	Max        float64                 `json:"recovery_max"`
	Exits      []history.Exit          `json:"exits,omitempty"`
	Trends     []check.Trend           `json:"trends,omitempty"`
	Injections []history.Injection     `json:"injections"`
}

// AttackReport is the result of one kind of attack.
type AttackReport struct {
	Times       int     `json:"times"`
	Failed      int     `json:"failed,omitzero"` // attacks that could not be made or reverted
	NextSuccess float64 `json:"next_success_max"`
}

// timelines is how many findings get a timeline.
const timelines = 3

// New checks the histories. replay is the command line that makes the same runs again.
func New(replay string, histories []*history.History) Report {
	r := Report{Replay: replay}
	for _, h := range histories {
		run := newRunReport(h)
		r.Seed = h.Run.Seed
		r.Findings += len(run.Findings)
		r.Runs = append(r.Runs, run)
	}
	return r
}

func newRunReport(h *history.History) RunReport {
	rec := check.New(h)
	run := RunReport{
		Run: h.Run, Settled: h.Settled, Accepted: len(rec.Acked), Unanswered: rec.Unanswered(), Outcomes: map[tasks.State]int{}, Found: map[string]int{}, Findings: check.All(h),
		Timelines: map[uuid.UUID][]string{}, Webhooks: len(h.Webhooks), Attacks: map[string]AttackReport{}, Exits: h.Exits, Trends: rec.Trends(), Injections: h.Injections,
	}
	for _, o := range h.Outcomes {
		run.Outcomes[o.State]++
	}
	for _, k := range check.Kinds {
		run.Found[k] = 0
	}
	for _, f := range run.Findings {
		run.Found[f.Kind]++
		if f.Upload != uuid.Nil && len(run.Timelines) < timelines && run.Timelines[f.Upload] == nil {
			run.Timelines[f.Upload] = rec.Timeline(f.Upload)
		}
	}
	rec.UploadCalls(func(wechattest.Call) { run.Calls++ })
	run.Duplicates, run.Bound = rec.Duplicates()
	run.addAttacks(rec)
	all := rec.Recovered()
	run.Slowest = all[:min(check.Slowest, len(all))]
	for _, s := range run.Slowest {
		run.Timelines[s.Upload] = rec.Timeline(s.Upload)
	}
	took := rec.Recoveries()
	run.Recovered = len(took)
	run.P50, run.P99, run.Max = check.Quantile(took, 0.5).Seconds(), check.Quantile(took, 0.99).Seconds(), check.Quantile(took, 1).Seconds()
	return run
}

func (run *RunReport) addAttacks(rec *check.Records) {
	at := rec.Successes()
	for _, s := range rec.Injections {
		a := run.Attacks[s.Attack]
		a.Times++
		if s.Err != "" {
			a.Failed++
		}
		if d, ok := rec.Resumption(s, at); ok {
			a.NextSuccess = max(a.NextSuccess, d.Seconds())
		}
		run.Attacks[s.Attack] = a
		if s.Kill {
			run.Kills++
		}
	}
}
