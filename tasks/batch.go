package tasks

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// BatchState says whether rows may still come, and whether all have their outcome.
type BatchState string

// A batch is open, then sealed, then complete. A retry of one of its uploads opens its next round: it is sealed again.
const (
	BatchOpen     BatchState = "open"
	BatchSealed   BatchState = "sealed"
	BatchComplete BatchState = "complete"
)

// Batch is uploads that were submitted together.
type Batch struct {
	ID          uuid.UUID       `json:"id"`
	Producer    string          `json:"producer"`
	ExternalID  string          `json:"external_id,omitempty"` // the Idempotency-Key it was submitted under
	CallbackURL string          `json:"callback_url,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	State       BatchState      `json:"state"`
	Truncated   bool            `json:"truncated,omitempty"` // it was sealed before its last row came
	Ended       BatchEnd        `json:"ended,omitempty"`     // why it was truncated
	Round       int             `json:"round"`
	Counts      BatchCounts     `json:"counts"`
	Submitted   time.Time       `json:"submitted_at"`
	Local       bool            `json:"-"` // it was submitted at this machine's command line, see Upload.Local
	Completed   time.Time       `json:"completed_at,omitzero"`
	Plan        *Plan           `json:"plan,omitempty"` // when the open uploads will be done; only where one batch is asked for
}

// Validate reports everything that is wrong with a new batch, as one Invalid error that names the fields.
func (b Batch) Validate() error {
	var f faults
	f.externalID(b.ExternalID)
	f.metadata(b.Metadata)
	f.callback(b.CallbackURL)
	return f.error("check batch")
}

// BatchCounts counts a batch's uploads by where they are.
type BatchCounts struct {
	Total     int `json:"total"` // that are kept
	Open      int `json:"open"`  // without an outcome
	Succeeded int `json:"succeeded"`
	Failed    int `json:"failed"`
	Canceled  int `json:"canceled"`
	Refused   int `json:"refused"`         // rows that were never accepted
	Pruned    int `json:"pruned,omitzero"` // deleted when they had been kept long enough
}

// Conservation is the proof that no upload of the batch is missing.
func (c BatchCounts) Conservation() Conservation {
	return Conservation{
		Accepted: c.Total + c.Pruned, Open: c.Open, Succeeded: c.Succeeded, Failed: c.Failed, Canceled: c.Canceled, Pruned: c.Pruned,
	}
}

// Refusal is one row of a batch that was not accepted.
type Refusal struct {
	Line       int    `json:"line"` // from 1
	ExternalID string `json:"external_id,omitempty"`
	Code       Code   `json:"code"`
	Reason     string `json:"reason"`
	Params     Params `json:"params,omitzero"` // the values of reason
}

// RefusalOf is a row that was refused by err.
func RefusalOf(line int, externalID string, err *Error) Refusal {
	return Refusal{Line: line, ExternalID: externalID, Code: err.Code, Reason: err.Error(), Params: err.Values()}
}
