package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Dispatch names one generation of an upload that is, or should be, on the belt.
type Dispatch struct {
	ID         uuid.UUID
	Generation int
	Priority   Priority
	At         time.Time // when it was dispatched, by the ledger's clock
	// Deaths is how many workers died with it in this round. It should not wait behind those that nobody has begun.
	Deaths int
}

// AloneAfter is how many deaths of workers in a round make an upload run with nothing beside it: should it be the cause,
// no neighbour goes down with it, and none is blamed.
const AloneAfter = 2

// Token proves a claim: it was minted by it, and the next claim of the upload makes it worthless.
type Token struct {
	Upload uuid.UUID
	Claim  uuid.UUID
}

// Claim is an upload that this worker, and no other, may work on while its lease lasts.
type Claim struct {
	Upload
	Token    Token
	Round    int
	Attempts int // that ended in this round
	// Deaths is how many workers died with it in this round.
	Deaths int
	// Canceled says that somebody already asked to cancel it.
	Canceled bool
}

// Alone asks that nothing else runs in this process beside it, since too many workers died holding it.
func (c Claim) Alone() bool { return c.Deaths >= AloneAfter }

// Attempt is one try to upload, as it ended.
type Attempt struct {
	Round   int           `json:"round"`
	Number  int           `json:"number"` // 1 for the first of its round; given by the ledger
	Started time.Time     `json:"started_at"`
	Took    time.Duration `json:"took"` // JSON: nanoseconds, see Outcome for how it is shown
	Code    Code          `json:"code,omitempty"`
	Errcode int           `json:"errcode,omitzero"`
	RID     string        `json:"rid,omitempty"`
	Reason  string        `json:"reason,omitempty"`
}

// Verdict is what the ledger says to a worker that wants to call WeChat.
type Verdict int8

// The verdicts.
const (
	Proceed   Verdict = iota // call: the key is reserved for this claim, and one call was taken from the day's count
	Reuse                    // a live media is known
	TwinAhead                // another claim is uploading the same content; the upload was put to wait for it
	DaySpent                 // the account's calls of today are used up; the account is held
)

// Admission is the answer to one Admit.
type Admission struct {
	Verdict Verdict
	Media   Media     // with Reuse
	Until   time.Time // with TwinAhead and DaySpent
}

// Pause is why and how long an upload waits.
type Pause struct {
	// For is how long, by the ledger's clock.
	For time.Duration
	// Cause is what led to it: its Code and Reason are shown while the upload waits.
	Cause *Error
	// Attempt is the attempt that ended with it; nil where none was burnt.
	Attempt *Attempt
}

// Result is what a worker reports when an upload has its outcome.
type Result struct {
	State  State // Succeeded, Failed or Canceled
	Key    MediaKey
	Media  Media // with Succeeded
	Reused bool
	Size   int64
	// Original is the hash of the source and Fixed says what was done, where the picture was made to fit; else zero.
	Original Hash
	Fixed    string
	Cause    *Error   // with Failed and Canceled
	Attempt  *Attempt // nil where none was made, as for a reuse
}
