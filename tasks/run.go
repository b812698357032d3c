package tasks

import (
	"time"

	"github.com/google/uuid"
)

// RunRef names one run: one dispatch of one upload.
type RunRef struct {
	Upload     uuid.UUID `json:"upload_id"`
	Generation int       `json:"generation"`
}

// Chunk is the runs that travel in one asynq task. All are of one account and one priority.
type Chunk struct {
	Task     string // the ID of the asynq task
	Runs     []RunRef
	Account  string
	Priority Priority
	At       time.Time // when it was dispatched, by the ledger's clock
	// Deaths is how many workers died with its upload in this round. A chunk with deaths has one run: it should not
	// wait behind those that nobody has begun.
	Deaths int
}

// Queue names the queue that it travels in.
func (c Chunk) Queue() string {
	switch {
	case c.Deaths >= AloneAfter:
		return QueueAlone
	case c.Priority == Interactive:
		return QueueInteractive
	case c.Deaths > 0:
		return QueueAgain
	}
	return QueueBulk
}

// AloneAfter is how many deaths of workers in a round make an upload run with nothing beside it: should it be the cause,
// no neighbour goes down with it, and none is blamed.
const AloneAfter = 2

// MaxChunk is how many runs travel in one task at most.
const MaxChunk = 16

// Window says how much may be under way: on the belt or running.
type Window struct {
	// Bulk and Interactive bound the uploads of each priority. Zero lets none through.
	Bulk        int
	Interactive int
	// BulkSlots and InteractiveSlots are how many uploads all live workers can send at once. Where they are known, no
	// more is under way than keeps them busy for a second. Zero: not known.
	BulkSlots        int
	InteractiveSlots int
	// Lease bounds how far ahead the calls of an account with a rate are dispatched. Zero: 10 s.
	Lease time.Duration
}
