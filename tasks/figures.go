package tasks

import "time"

// Figures tell how much is where in a ledger, all at one moment: what monitoring watches.
type Figures struct {
	Status
	At             time.Time   // by the ledger's clock
	Groups         []OpenGroup // all open uploads
	OldestDelivery time.Time   // when the oldest event happened that still waits for its receiver; zero: none waits
	Processes      []Process   // the living ones
}

// OpenGroup counts open uploads that are in the same place for the same reason.
type OpenGroup struct {
	Account string
	State   State // Queued, Running or Waiting
	Reason  OpenReason
	Uploads int
}

// OpenReason says where an open upload is.
type OpenReason string

// The reasons. Queued uploads are ready or dispatched, and waiting ones are in one of the last three.
const (
	OpenReady      OpenReason = "ready"      // a worker may have it as soon as there is room
	OpenDispatched OpenReason = "dispatched" // on the belt
	OpenRunning    OpenReason = "running"    // a worker has claimed it
	OpenBackoff    OpenReason = "backoff"    // until its next attempt, its turn within the account's rate, or its twin's end
	OpenHeld       OpenReason = "held"       // its account is held
	OpenQuota      OpenReason = "quota"      // its account is held by a minute or daily limit
)

// Tally is how often something happened to uploads that are alike.
type Tally struct {
	Account string
	Type    MediaType
	State   State // Queued: accepted; otherwise the outcome of a round
	Reused  bool  // Succeeded without a call
	Code    Code  // why a round failed or was canceled
	Count   int
}
