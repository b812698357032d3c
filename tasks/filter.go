package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Filter chooses uploads or batches for a list. Its zero value chooses all; a field that is set narrows the choice.
// As JSON it is what the HTTP API takes, and what is kept of an action.
type Filter struct {
	IDs      []uuid.UUID `json:"ids,omitempty"`   // these only, at most MaxIDs
	States   []State     `json:"state,omitempty"` // any of these
	Batch    uuid.UUID   `json:"batch,omitzero"`
	Account  string      `json:"account,omitempty"`
	Type     MediaType   `json:"type,omitempty"`
	Code     Code        `json:"code,omitempty"`
	Errcode  int         `json:"errcode,omitzero"`
	Producer string      `json:"producer,omitempty"`
	Since    time.Time   `json:"since,omitzero"`   // submitted then or later
	Until    time.Time   `json:"until,omitzero"`   // submitted before
	Query    string      `json:"q,omitempty"`      // part of the source, the filename or the external id
	Source   string      `json:"source,omitempty"` // a Glob
	// Metadata are names at the top of the producer's own JSON with the values they must have: the text itself, or as
	// JSON writes it.
	Metadata map[string]string `json:"metadata,omitempty"`
	Cursor   string            `json:"-"` // where the last page ended, as it was returned with it; empty: from the newest
	Limit    int               `json:"-"` // rows a page; 0: 100, at most 1,000
}

// MaxIDs is how many uploads a Filter may name: SQLite takes 32,766 values in a statement.
const MaxIDs = 10_000

// Count is how many uploads of one account are in one state.
type Count struct {
	Account string
	State   State
	Uploads int
}

// DeliveryFilter chooses deliveries for a list, as Filter does for uploads.
type DeliveryFilter struct {
	Producer string
	Upload   uuid.UUID // whose events these are, a batch's ID included
	State    DeliveryState
	Cursor   string
	Limit    int // 0: 100, at most 1,000
}
