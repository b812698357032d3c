package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Conservation is the proof that no upload is missing: each one that was accepted is open, has its outcome, or was pruned
// after that.
type Conservation struct {
	Accepted  int `json:"accepted"` // since the ledger was made
	Open      int `json:"open"`     // without an outcome
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Canceled  int `json:"canceled"`
	Pruned    int `json:"pruned"` // deleted when they had been kept long enough
}

// Missing returns the number of accepted uploads that are neither open nor ended nor pruned. It is 0 in a sound ledger, and
// negative if there are too many uploads; verify finds out why.
func (c Conservation) Missing() int {
	return c.Accepted - c.Open - c.Succeeded - c.Failed - c.Canceled - c.Pruned
}

// Add adds what another account, or another process, has counted.
func (c *Conservation) Add(o Conservation) {
	c.Accepted += o.Accepted
	c.Open += o.Open
	c.Succeeded += o.Succeeded
	c.Failed += o.Failed
	c.Canceled += o.Canceled
	c.Pruned += o.Pruned
}

// Ended adds n to the uploads with that outcome.
func (c *Conservation) Ended(s State, n int) {
	switch s {
	case Succeeded:
		c.Succeeded += n
	case Failed:
		c.Failed += n
	case Canceled:
		c.Canceled += n
	}
}

// CountFilter chooses what is counted over time. Its zero value chooses all of the last hour.
type CountFilter struct {
	Account string
	Type    MediaType
	Code    Code // with it, or an Errcode, only the failures that have it
	Errcode int
	Since   time.Time // zero: an hour before Until
	Until   time.Time // zero: the end of this minute
}

// Counts by the minute are kept for MinutesKept; older ones are by the hour.
const MinutesKept = 14 * 24 * time.Hour

// Series is what happened in a stretch of time, step by step.
type Series struct {
	Since  time.Time
	Step   time.Duration
	Points []Point // one for each step, the oldest first
}

// Point is what happened in one step of a Series. An upload that is retried counts again in each of its rounds.
type Point struct {
	At        time.Time `json:"at"` // when the step begins
	Accepted  int       `json:"accepted"`
	Succeeded int       `json:"succeeded"`
	Reused    int       `json:"reused"` // of Succeeded: without a call
	Failed    int       `json:"failed"`
	Canceled  int       `json:"canceled"`
}

// FailureGroup is the rounds of one account that failed for one reason.
type FailureGroup struct {
	Account string    `json:"account"`
	Code    Code      `json:"code"`
	Errcode int       `json:"errcode,omitzero"`
	Rounds  int       `json:"rounds"`
	Before  int       `json:"before"`              // rounds in the stretch of the same length before: the trend
	First   time.Time `json:"first_at"`            // when the minute of the first one began; of older ones, the hour
	Last    time.Time `json:"last_at"`             // likewise, of the last one
	Example uuid.UUID `json:"example_id,omitzero"` // one of the last; missing where it was pruned
}
