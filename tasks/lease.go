package tasks

import (
	"time"
)

// ErrFenced says that a claim is not valid, or was refused: another worker has claimed the upload since, the dispatch is
// old or repeated, or the upload has its outcome. Test for it with errors.Is.
var ErrFenced error = &Error{
	Code: Conflict,
	Op:   "use claim",
	Err:  Textf("somebody else has claimed it since, or it is final"),
}

// Renewal answers a renewal of leases. A claim in neither list was renewed.
type Renewal struct {
	Lost     []Token // fenced: drop the work
	Canceled []Token // still ours, but somebody asked to cancel it
}

// AdmitOptions are what a worker knows about an upload when it asks to call WeChat.
type AdmitOptions struct {
	// Fresh is the least time that a media must still live to be reused.
	Fresh time.Duration
	// NoReuse asks for a call even if a live media is known. Such an upload does not wait for a twin either.
	NoReuse bool
	// Identity is the file's, see File.Identity. If the upload has to wait, the ledger keeps it with the content's hash,
	// so that the next run can ask before it reads the file. Empty: the ledger keeps nothing.
	Identity string
}
