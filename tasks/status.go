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
	// Unserved are the accounts whose uploads wait although workers live: none of them has the account in its settings.
	Unserved []Unserved `json:"unserved,omitempty"`
}

// Unserved is an account that no living worker knows, and how many of its uploads wait.
type Unserved struct {
	Account string `json:"account"`
	Open    int    `json:"open"`
}
