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

// Chunk is a set of runs that travel in one asynq task. All are of one account and one priority. Interactive uploads, and
// uploads with which a worker died, travel alone.
type Chunk struct {
	Task     string // the ID of the asynq task
	Runs     []RunRef
	Account  string
	Priority Priority
	At       time.Time // when it was dispatched, by the ledger's clock
	// Deaths is the number of workers that died with its upload in this round. A chunk with deaths has one run, and goes
	// ahead of work that no worker has begun.
	Deaths int
}

// Queue returns the name of the chunk's queue.
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

// AloneAfter is the number of deaths in a round after which an upload runs alone in its process. If it is the cause, no
// other upload dies with it.
const AloneAfter = 2

// MaxChunk is the largest number of runs in one task.
const MaxChunk = 16

// Window bounds what is under way: on the belt or running.
type Window struct {
	// Bulk and Interactive bound the uploads of each priority. With zero nothing is dispatched.
	Bulk        int
	Interactive int
	// BulkSlots and InteractiveSlots are the numbers of uploads that all live workers can send at once. If they are
	// known, only as much is under way as keeps them busy for a second. Zero: not known.
	BulkSlots        int
	InteractiveSlots int
	// ChunkMost bounds the uploads of a chunk: every live worker has room for so many of a newcomer, beside the slow ones of
	// another account. Zero means MaxChunk.
	ChunkMost int
	// Lease bounds how far ahead the calls of an account with a rate are dispatched. Zero means 10 s.
	Lease time.Duration
}
