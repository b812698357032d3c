package tasks

import "time"

// Status summarizes a ledger.
type Status struct {
	Counts       map[State]int   `json:"counts"` // every state is in it
	Conservation Conservation    `json:"conservation"`
	OldestOpen   time.Time       `json:"oldest_open,omitzero"`
	Dispatched   int             `json:"dispatched"` // on the belt, not yet claimed; Queued counts them too
	Deliveries   int             `json:"deliveries_pending"`
	Accounts     []AccountStatus `json:"accounts"`
}
