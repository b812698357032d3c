package schema

import (
	"strconv"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/ledger/internal/db"
)

// Happening is what the counts over time count: that an upload was accepted, or how a round of one ended.
type Happening int

// What happens. Outcomes have the numbers of their phases.
const (
	HappenedAccept  Happening = 0
	HappenedSuccess           = Happening(Succeeded)
	HappenedFailure           = Happening(Failed)
	HappenedCancel            = Happening(Canceled)
	HappenedReuse   Happening = 7 // a success without a call
)

// HappeningOf is how a round ended.
func HappeningOf(p Phase, reused bool) Happening {
	if p == Succeeded && reused {
		return HappenedReuse
	}
	return Happening(p)
}

// State is the outcome of the round that ended, and Queued for an upload that was accepted.
func (h Happening) State() tasks.State {
	switch h {
	case HappenedAccept:
		return tasks.Queued
	case HappenedReuse:
		return tasks.Succeeded
	default:
		return Phase(h).State()
	}
}

// Ended is HappeningOf as SQL, of a row of uploads or rounds.
const Ended = "CASE WHEN phase = 4 AND reused = 1 THEN 7 ELSE phase END"

// Minute and Hour are the spans of the counts over time, in microseconds.
const (
	Minute = int64(time.Minute / time.Microsecond)
	Hour   = int64(time.Hour / time.Microsecond)
)

// HourOf is the SQL of when the hour began.
func HourOf(column string) string {
	return column + " - " + column + " % " + strconv.FormatInt(Hour, 10)
}

// SpanOf returns the beginning of the span in which a time is counted: its minute, or its hour if it is long ago.
func SpanOf(at, now int64) int64 {
	if at < OldestMinute(now) {
		return at - at%Hour
	}
	return at - at%Minute
}

// OldestMinute is when the counts by the minute begin.
func OldestMinute(now int64) int64 {
	cutoff := now - tasks.MinutesKept.Microseconds()
	return cutoff - cutoff%Hour
}

// Balances reads how many uploads of each account are where.
func Balances(t *db.Tx) (map[string]tasks.Conservation, error) {
	all := map[string]tasks.Conservation{}
	err := t.Each("SELECT account, accepted, open, succeeded, failed, canceled, pruned FROM balances", nil, func(s db.Scanner) error {
		var account string
		var c tasks.Conservation
		err := s.Scan(&account, &c.Accepted, &c.Open, &c.Succeeded, &c.Failed, &c.Canceled, &c.Pruned)
		c.Add(all[account])
		all[account] = c
		return err
	})
	return all, err
}
