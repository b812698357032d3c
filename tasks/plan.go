package tasks

import (
	"math"
	"time"
)

// Prospect is what decides when the bulk uploads of an account are done.
type Prospect struct {
	Now time.Time
	// From is when the account's hold ends. Zero: it is not held.
	From time.Time
	// Left is the number of calls that are left today, and Daily that of a whole day. Daily 0: there is no limit.
	Left, Daily int
	// PerSecond is how many uploads are done in a second while there is work, as was measured. 0: it is not known.
	PerSecond float64
	// Zone is where a day begins at midnight. Nil: Asia/Shanghai.
	Zone *time.Location
}

// Plan says when uploads will be done, from what is known now.
type Plan struct {
	// Days are the days on which uploads are done, at most the first maxPlannedDays. Empty: there is nothing to do.
	Days []PlannedDay `json:"days,omitempty"`
	// Done is when the last one is done, or, if no rate was measured, the beginning of that day's work. Zero: too far away.
	Done time.Time `json:"done_at,omitzero"`
	// Measured says that the rate of the last hour is in it, and not only the limit of each day.
	Measured bool `json:"measured"`
}

// PlannedDay is how many uploads a day takes.
type PlannedDay struct {
	Begins  time.Time `json:"begins"` // of what is done on this day
	Uploads int       `json:"uploads"`
}

const (
	maxPlannedDays = 10
	planHorizon    = 366 // days; what takes longer is not planned
)

// Plan returns when n uploads will be done, each with one call.
func (p Prospect) Plan(n int) Plan {
	plan := Plan{Measured: p.PerSecond > 0}
	at, left := p.Now, p.Left
	for range planHorizon {
		end := DayEnd(at, p.Zone)
		if begins := later(at, p.From); begins.Before(end) {
			take := min(n, p.most(left, end.Sub(begins)))
			if take > 0 && len(plan.Days) < maxPlannedDays {
				plan.Days = append(plan.Days, PlannedDay{Begins: begins, Uploads: take})
			}
			if n -= take; n <= 0 {
				plan.Done = begins
				if p.PerSecond > 0 {
					plan.Done = begins.Add(time.Duration(float64(take) / p.PerSecond * float64(time.Second))).Truncate(time.Second)
				}
				return plan
			}
		}
		at, left = end, p.Daily
	}
	return plan
}

// most returns how many uploads a part of a day takes, with so many calls left.
func (p Prospect) most(left int, span time.Duration) int {
	most := math.MaxInt
	if p.Daily > 0 {
		most = left
	}
	if p.PerSecond > 0 {
		most = min(most, int(p.PerSecond*span.Seconds()))
	}
	return max(0, most)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
