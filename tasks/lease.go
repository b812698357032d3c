package tasks

import (
	"errors"
	"time"
)

// ErrFenced says that a claim is worth nothing any more, or could not be had: somebody else has claimed the upload
// since, the dispatch is an old or repeated one, or the upload has its outcome. Ask for it with errors.Is.
var ErrFenced error = &Error{
	Code: Conflict,
	Op:   "use claim",
	Err:  errors.New("somebody else has claimed it since, or it is final"),
}

// Renewal is what became of the claims whose leases were renewed. Those in neither list go on as they are.
type Renewal struct {
	Lost     []Token // fenced: drop the work
	Canceled []Token // still ours, but somebody asked to cancel it
}

// AdmitOptions is what a worker knows about an upload when it asks to call WeChat.
type AdmitOptions struct {
	// Fresh is how long a media must still live to be reused.
	Fresh time.Duration
	// NoReuse asks for a call even where a live media is known; it does not wait for a twin either.
	NoReuse bool
	// Identity is the file's, see File.Identity. The ledger keeps it with the content's hash where the upload is put to
	// wait, so that the next run asks before it reads. Empty: nothing is kept.
	Identity string
}
