package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Filter chooses uploads or batches for a list. Its zero value chooses all; a field that is set narrows the choice.
type Filter struct {
	Producer string
	Batch    uuid.UUID
	Account  string
	Type     MediaType
	States   []State // any of these
	Code     Code
	Errcode  int
	Since    time.Time // submitted then or later
	Until    time.Time // submitted before
	Query    string    // part of the source, the filename or the external id
	Source   string    // a Glob
	// Metadata are names at the top of the producer's own JSON with the values they must have: the text itself, or as
	// JSON writes it.
	Metadata map[string]string
	Cursor   string // where the last page ended, as it was returned with it; empty: from the newest
	Limit    int    // rows a page; 0: 100, at most 1,000
}

// DeliveryFilter chooses deliveries for a list, as Filter does for uploads.
type DeliveryFilter struct {
	Producer string
	Upload   uuid.UUID // whose events these are, a batch's ID included
	State    DeliveryState
	Cursor   string
	Limit    int // 0: 100, at most 1,000
}
