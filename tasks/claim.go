package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Token proves a claim. The worker mints Claim. The next claim of the upload makes the token worthless.
type Token struct {
	Upload uuid.UUID
	Claim  uuid.UUID
}

// Bid asks for one run. The worker mints the token before it asks. If the answer is lost, it repeats the same bid.
type Bid struct {
	RunRef
	Token uuid.UUID
}

// NewBids mints a token for each of the runs.
func NewBids(runs []RunRef) []Bid {
	bids := make([]Bid, len(runs))
	for i, r := range runs {
		bids[i] = Bid{r, uuid.New()}
	}
	return bids
}

// Claim is an upload that this worker, and no other, may work on while its lease lasts.
type Claim struct {
	Upload
	Token    Token
	Round    int
	Attempts int // that ended in this round
	// Deaths is the number of workers that died while they worked on it in this round.
	Deaths int
	// Canceled says that somebody already asked to cancel it.
	Canceled bool
	// Waited is the time from the upload's acceptance to this claim. Zero: it was dispatched before.
	Waited time.Duration
	// Known is the content that an earlier run of this round has read. Zero: it was not read yet.
	Known KnownContent
	// Wants is the hash that the source must have, of an upload that keeps a media alive. Another one fails it, before any call.
	// Zero: whatever it holds is uploaded.
	Wants Hash
	// Keeper is, with Wants, who alone may reuse the media. Empty: all who may submit to the account.
	Keeper string
}

// KnownContent is what an upload's source held when a worker read it last. A part that is not known is zero.
type KnownContent struct {
	Hash     Hash   // with an outcome of the source's bytes, in a claim of those that WeChat would get
	Identity string // of the file, see File.Identity
}

// KnownSource is what the ledger knows about the source of an upload that has its outcome.
type KnownSource struct {
	Type MediaType
	KnownContent
	// Forgotten says that the media of its outcome, and of its content, is no answer any more.
	Forgotten bool
}

// Alone reports whether the upload must run alone in its process, since too many workers died with it.
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
	Params  Params        `json:"params,omitzero"` // the values of reason
}

// Verdict is the ledger's answer to a worker that wants to call WeChat.
type Verdict int8

// The verdicts.
const (
	Proceed     Verdict = iota // call: the key is reserved for this claim, and one call was taken from the account's count
	Reuse                      // a live media is known
	TwinAhead                  // another claim is uploading the same content; the upload was put to wait for it
	DaySpent                   // the account's calls of today are used up; the account is held
	MinuteSpent                // the account's calls of this minute are used up; the upload waits for a time reserved for it
)

// Admission is the answer to one Admit.
type Admission struct {
	Verdict Verdict
	Media   Media // with Reuse
	// Until says, with TwinAhead, DaySpent and MinuteSpent, when the upload may go on.
	Until time.Time
	// Wait says, with Proceed, how long to wait before the call, so that the account keeps to its rate. It is at most MaxPace.
	Wait time.Duration
}

// MaxPace is the longest wait for an account's rate that a worker waits itself. An upload that has to wait longer waits in
// the ledger, where it holds no slot and no memory.
const MaxPace = time.Second

// Pause makes an upload wait: for how long, and why.
type Pause struct {
	// For is the length of the wait, by the ledger's clock.
	For time.Duration
	// Cause is the reason. People see its code and its text while the upload waits.
	Cause *Error
	// Attempt is the attempt that led to the wait. Nil: no attempt is counted.
	Attempt *Attempt
}

// Result is what a worker reports when an upload has its outcome.
type Result struct {
	State  State // Succeeded, Failed or Canceled
	Key    MediaKey
	Media  Media // with Succeeded
	Reused bool
	Size   int64
	// Original is the hash of the source, and Fixed says what was done to make the picture fit. Zero: it was not changed.
	Original Hash
	Fixed    string
	// Read is what the source held, as far as the worker looked. The ledger keeps it: the same request may later be answered
	// from the record as long as the source holds these bytes.
	Read    KnownContent
	Cause   *Error   // with Failed and Canceled
	Attempt *Attempt // nil: no attempt was made, as for a reuse
}
