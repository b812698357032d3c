package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Submission is what the ledger accepts from one producer in one transaction.
type Submission struct {
	Producer string
	// Batch is the open batch that the rows belong to. Zero: they belong to no batch.
	Batch uuid.UUID
	// Rows are in the order of their lines. Without rows the submission only says that the batch's producer is still there.
	Rows []SubmittedRow
	// Request is the Idempotency-Key of this request, which has a single row then. Zero: there was no key.
	Request Request
	// DailyBudget is the number of uploads that the producer may submit in a day. Every new upload counts, and every row
	// that is recorded as refused. 0: unlimited.
	DailyBudget int
	// MaxKept is the number of contents that may be kept alive for the producer at once. 0: unlimited.
	MaxKept int
	// Prepaid is the number of them that were taken from the budget before.
	Prepaid int
}

// SubmittedRow is one upload of a Submission.
type SubmittedRow struct {
	Upload
	Line int // in the batch, from 1; 0: the row is alone
	// Derived says that ExternalID was made from the file and is not the producer's own name for it. An earlier upload
	// of the same file then answers the row, even if it was another request.
	Derived bool
	// Err says why the row was refused before it reached the ledger. The ledger only records it.
	Err *Error
}

// Request is an Idempotency-Key, with a digest of what the producer asked for under it.
type Request struct {
	Name   string
	Digest []byte
	Life   time.Duration // how long the name is remembered
}

// Accepted says what became of a Submission.
type Accepted struct {
	// Receipts are in the order of the rows. Err is set in those of refused rows.
	Receipts []Receipt
	// Ended says why the ledger took no more rows of the batch and sealed it: TooMany if the producer's budget is used up,
	// Invalid if too many rows were refused. Rows that it did not take have receipts with Err and are not recorded.
	Ended *Error
}

// BatchEnd says why a batch was sealed before its last row. Empty: it was not.
type BatchEnd string

// The reasons.
const (
	EndTruncated BatchEnd = "truncated"    // its rows stopped coming
	EndRefused   BatchEnd = "refused"      // over MaxRefusals rows were refused
	EndBudget    BatchEnd = "daily_budget" // the producer's uploads of the day are used up
)

// MaxRefusals is the number of refused rows that are recorded of one batch. One more ends the batch.
const MaxRefusals = 10_000

// Refused reports whether the receipt of the row refuses it. A conflict of a derived name is answered by the earlier upload.
func (r SubmittedRow) Refused(got Receipt) bool {
	return got.Err != nil && (!r.Derived || got.Err.Code != Conflict || got.ID == uuid.Nil)
}
