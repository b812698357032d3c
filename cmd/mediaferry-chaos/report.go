package main

import (
	"github.com/google/uuid"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

// report is what a run came to.
type report struct {
	Seed     uint64      `json:"seed"`
	Replay   string      `json:"replay,omitempty"` // the command line that makes the same run again
	Findings int         `json:"findings"`
	Legs     []legReport `json:"legs"`
}

// legReport is what one leg came to. Durations are in seconds.
type legReport struct {
	Leg        leg                     `json:"leg"`
	Quiet      bool                    `json:"came_to_rest"`
	Accepted   int                     `json:"acknowledged"`
	Unanswered int                     `json:"unanswered"` // HTTP requests
	Outcomes   map[tasks.State]int     `json:"outcomes"`
	Found      map[string]int          `json:"found"` // by kind; every kind is in it
	Findings   []finding               `json:"findings"`
	Timelines  map[uuid.UUID][]string  `json:"timelines,omitempty"` // of the first uploads that were found, and of the slowest to recover
	Slowest    []recovered             `json:"slowest,omitempty"`
	Calls      int                     `json:"upload_calls"`
	Duplicates int                     `json:"duplicates"`
	Bound      int                     `json:"duplicates_bound"`
	Webhooks   int                     `json:"webhook_requests"`
	Struck     map[string]struckReport `json:"attacks"`
	Kills      int                     `json:"kills"`
	Recovered  int                     `json:"recoveries"`
	P50        float64                 `json:"recovery_p50"`
	P99        float64                 `json:"recovery_p99"`
	Max        float64                 `json:"recovery_max"`
	Exits      []processExit           `json:"exits,omitempty"`
	Growth     []growth                `json:"growth,omitempty"`
	Schedule   []strike                `json:"schedule"`
}

// struckReport is what became of one kind of attack.
type struckReport struct {
	Times  int     `json:"times"`
	Failed int     `json:"failed,omitzero"` // could not be made
	Resume float64 `json:"next_success_max"`
}

// timelines is for how many findings the whole story is told.
const timelines = 3

func newReport(s settings, histories []*history) report {
	r := report{Seed: s.seed}
	if s.check == "" {
		r.Replay = s.replay()
	}
	for _, h := range histories {
		l := reportLeg(h)
		r.Seed = h.Leg.Seed
		r.Findings += len(l.Findings)
		r.Legs = append(r.Legs, l)
	}
	return r
}

func reportLeg(h *history) legReport {
	rec := newRecords(h)
	l := legReport{
		Leg: h.Leg, Quiet: h.Quiet, Accepted: len(rec.acked), Unanswered: h.unanswered(), Outcomes: map[tasks.State]int{}, Found: map[string]int{}, Findings: check(h),
		Timelines: map[uuid.UUID][]string{}, Webhooks: len(h.Hooks), Struck: map[string]struckReport{}, Exits: h.Exits, Growth: h.growths(), Schedule: h.Strikes,
	}
	for _, o := range h.Outcomes {
		l.Outcomes[o.State]++
	}
	for _, k := range kinds {
		l.Found[k] = 0
	}
	for _, f := range l.Findings {
		l.Found[f.Kind]++
		if f.Upload != uuid.Nil && len(l.Timelines) < timelines && l.Timelines[f.Upload] == nil {
			l.Timelines[f.Upload] = rec.timeline(f.Upload)
		}
	}
	rec.uploadCalls(func(wechattest.Call) { l.Calls++ })
	l.Duplicates, l.Bound = rec.duplicates()
	l.addStrikes(h)
	all := rec.recovered()
	l.Slowest = all[:min(slowest, len(all))]
	for _, s := range l.Slowest {
		l.Timelines[s.Upload] = rec.timeline(s.Upload)
	}
	took := rec.recoveries()
	l.Recovered = len(took)
	l.P50, l.P99, l.Max = quantile(took, 0.5).Seconds(), quantile(took, 0.99).Seconds(), quantile(took, 1).Seconds()
	return l
}

func (l *legReport) addStrikes(h *history) {
	at := h.successes()
	for _, s := range h.Strikes {
		k := l.Struck[s.Attack]
		k.Times++
		if s.Err != "" {
			k.Failed++
		}
		if d, ok := h.resumption(s, at); ok {
			k.Resume = max(k.Resume, d.Seconds())
		}
		l.Struck[s.Attack] = k
		if a := findAttack(s.Attack); a != nil && a.kill {
			l.Kills++
		}
	}
}
