package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Filter chooses uploads or batches for a list. Its zero value chooses all; a field that is set narrows the choice.
// Its JSON is that of the HTTP API, and of an action's choice.
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
	// Metadata are names at the top level of the producer's JSON, and the values they must have: the text itself, or the
	// value as JSON writes it.
	Metadata map[string]string `json:"metadata,omitempty"`
	Cursor   string            `json:"-"` // where the last page ended, as it came with that page; empty: from the newest
	Limit    int               `json:"-"` // rows a page; 0: 100, at most 1,000
}

// MaxIDs is the number of uploads that a Filter may name: SQLite takes 32,766 values in a statement.
const MaxIDs = 10_000

// Count is the number of uploads of one account in one state.
type Count struct {
	Account string
	State   State
	Uploads int
	Kept    int // of these, those that have succeeded and whose media is kept alive
}

// DeliveryFilter chooses deliveries for a list, as Filter does for uploads.
type DeliveryFilter struct {
	Producer string
	Upload   uuid.UUID // deliveries of the events of this upload or batch
	State    DeliveryState
	URL      string // deliveries to this URL
	Cursor   string
	Limit    int // 0: 100, at most 1,000
}
