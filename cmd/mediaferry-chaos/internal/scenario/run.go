// Package scenario describes one run of the chaos tool: how large the fleet is, and what its producers submit.
// Everything in it follows from the seed.
package scenario

import "time"

// Run is one run of the whole fleet over one kind of ledger. -ledger both makes two of them.
type Run struct {
	Name      string        `json:"name"`
	Seed      uint64        `json:"seed"`
	Ledger    string        `json:"ledger"`
	AOF       bool          `json:"aof"` // Redis keeps an append-only file, synced every second
	Uploads   int           `json:"uploads"`
	Kills     int           `json:"kills"`
	Duration  time.Duration `json:"duration_ns"`
	Workers   int           `json:"workers"`
	Producers int           `json:"producers"` // over the Go package
	Clients   int           `json:"clients"`   // over HTTP
	Serves    int           `json:"serves"`
	Slots     int           `json:"slots"`    // of one worker: uploads at once
	Attempts  int           `json:"attempts"` // at most, in one round
	Lease     time.Duration `json:"lease_ns"`
	Attacks   []string      `json:"attacks,omitempty"` // empty: all
	Planted   string        `json:"planted,omitempty"`
	Clocks    bool          `json:"clocks"`              // the processes have clocks that can be set
	Soak      bool          `json:"soak,omitzero"`       // processes are sampled
	Uniform   bool          `json:"uniform,omitzero"`    // no diversity: all workers, accounts, receivers, producers are alike
	Untimed   bool          `json:"untimed,omitzero"`    // nothing is judged by how long it takes
	Disk      int64         `json:"disk_bytes,omitzero"` // size of the SQLite ledger's own disk; 0: it has none
}

const (
	// Slots is how many uploads one worker carries at once. Few slots keep the bound of duplicates small.
	Slots = 16
	// Attempts is how many attempts a round has. They outlast the faults of one attack.
	Attempts = 12
	// LongRun is the shortest duration with LongLease, which is mediaferry's default. In a shorter run one stopped
	// worker would take all of its time.
	LongRun    = 3 * time.Minute
	LongLease  = 10 * time.Second
	ShortLease = 2 * time.Second
)

// InteractiveShare is how many bulk slots a worker has for each interactive slot.
const InteractiveShare = 4
