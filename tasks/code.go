package tasks

import (
	"maps"
	"net/http"
	"slices"
)

// Code names one kind of failure. Its row in the table below decides everything that follows from it.
type Code string

// What can go wrong with an upload.
const (
	Temporary    Code = "temporary"    // WeChat busy, network fault, 5xx, an answer that is not WeChat's
	Unknown      Code = "unknown"      // an errcode that no table knows
	Internal     Code = "internal"     // a defect of ours: a panic, an error without a code
	Changed      Code = "changed"      // the source changed while it was read
	Unstable     Code = "unstable"     // the source is cut off and was modified seconds ago: it is still being written
	MinuteLimit  Code = "minute_limit" // the account's calls of this minute are used up
	DailyLimit   Code = "daily_limit"  // the account's calls of today are used up
	AccountHeld  Code = "account"      // credentials, allow-list or rights of the account: an operator must act
	TokenRefused Code = "token"        // the access token was refused

	Rejected    Code = "rejected"        // WeChat refuses this file
	Defect      Code = "defect"          // WeChat refuses our form
	Unsupported Code = "unsupported"     // not a kind of file that WeChat takes as this type
	TooLarge    Code = "too_large"       // more bytes, pixels or frames than the limit
	TooLong     Code = "too_long"        // a longer voice than the limit
	Corrupt     Code = "corrupt"         // truncated or damaged
	Empty       Code = "empty"           // a file of no bytes
	Missing     Code = "missing"         // no such source
	Denied      Code = "denied"          // outside the storage root, no permission, or not a regular file
	OtherBytes  Code = "content_changed" // a media is kept alive, and its source holds another content by now
	Poison      Code = "poison"          // its worker died three times while working on it alone
	Deadline    Code = "deadline"        // no outcome by expires_by
	Stopped     Code = "canceled"        // somebody canceled it

	Unreachable Code = "unreachable" // WeChat can't be connected to from here: nothing was sent
	Egress      Code = "egress"      // the account refuses this worker's address: it is not on its IP list

	Storage Code = "storage" // this worker can't reach the storage root or bucket; never an outcome
	NoWork  Code = "no_work" // this worker does not know the account; never an outcome
	Twin    Code = "twin"    // the same content is being uploaded right now: its media will be reused
	Busy    Code = "busy"    // other pictures are made to fit before this one: nobody's outcome
)

// What can go wrong with a request.
const (
	Invalid      Code = "invalid"
	Conflict     Code = "conflict"
	NotFound     Code = "not_found"
	Unauthorized Code = "unauthorized"
	Forbidden    Code = "forbidden"
	TooMany      Code = "too_many"
	Unavailable  Code = "unavailable" // the ledger, the belt or a receiver can't be reached; nothing was written
)

// Reaction is what the worker does with a failure of one code.
type Reaction int8

// The reactions.
const (
	ReactFail     Reaction = iota // the upload fails
	ReactBackoff                  // an attempt, tried again with growing pauses
	ReactSlowly                   // an attempt, tried again a few times, far apart
	ReactHold                     // the account is paused; no attempt is burnt
	ReactHandBack                 // another worker, or a later time; no attempt is burnt
)

// Exit codes of the command line.
const (
	ExitOK          = 0
	ExitError       = 1
	ExitUsage       = 2
	ExitFailed      = 3
	ExitTemporary   = 5
	ExitAccount     = 7
	ExitQuota       = 8
	ExitNothing     = 9
	ExitInterrupted = 130
)

type codeRow struct {
	reaction Reaction
	status   int // HTTP
	exit     int
	meaning  string
	hint     string
}

var codes = map[Code]codeRow{
	Temporary:    {ReactBackoff, http.StatusServiceUnavailable, ExitTemporary, "WeChat could not be reached or was busy", "run it again later"},
	Unknown:      {ReactSlowly, http.StatusBadGateway, ExitFailed, "WeChat answered with an errcode that is not known", "look the errcode up in WeChat's documents, and ask its support with the rid"},
	Internal:     {ReactBackoff, http.StatusInternalServerError, ExitTemporary, "an error of mediaferry's own", "report it with the log line of this upload"},
	Changed:      {ReactBackoff, http.StatusConflict, ExitTemporary, "the source changed while it was read", "let the file settle before it is submitted"},
	Unstable:     {ReactBackoff, http.StatusConflict, ExitTemporary, "the source is still being written", "let the file be written to its end; it is tried again by itself"},
	MinuteLimit:  {ReactHold, http.StatusTooManyRequests, ExitQuota, "the account's calls of this minute are used up", "nothing: it goes on in the next minute"},
	DailyLimit:   {ReactHold, http.StatusTooManyRequests, ExitQuota, "the account's calls of today are used up", "nothing: it goes on after WeChat's midnight, or once the quota is cleared"},
	AccountHeld:  {ReactHold, http.StatusFailedDependency, ExitAccount, "WeChat refuses the account", "mend the account's settings, then: mediaferry accounts resume NAME"},
	TokenRefused: {ReactBackoff, http.StatusServiceUnavailable, ExitTemporary, "WeChat refuses the access token", "look for another process that fetches tokens for this account"},

	Rejected:    {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "WeChat refuses the file", "mediaferry explain ERRCODE says what it means"},
	Defect:      {ReactFail, http.StatusInternalServerError, ExitFailed, "WeChat refuses the form of the request", "report it: this is a defect of mediaferry"},
	Unsupported: {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "WeChat does not take this kind of file as this type", "convert the file, or submit it as another type"},
	TooLarge:    {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "the file is over the limit", "make the file smaller"},
	TooLong:     {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "the recording is too long", "cut the recording"},
	Corrupt:     {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "the file is damaged or cut off", "export the file again"},
	Empty:       {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "the file is empty", "write the file before it is submitted"},
	Missing:     {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "there is no such file", "check the path, then retry"},
	Denied:      {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "the file can't be read from here", "put a regular, readable file under the storage root"},
	OtherBytes:  {ReactFail, http.StatusConflict, ExitFailed, "the source holds another content than the media that is kept alive", "submit the file again, if its new content is meant"},
	Poison:      {ReactFail, http.StatusUnprocessableEntity, ExitFailed, "workers die on this file", "keep the file and report it, then retry"},
	Deadline:    {ReactFail, http.StatusGatewayTimeout, ExitFailed, "its deadline passed first", "submit it with a later expires_by"},
	Stopped:     {ReactFail, http.StatusConflict, ExitFailed, "it was canceled", ""},

	Unreachable: {ReactHandBack, http.StatusServiceUnavailable, ExitTemporary, "WeChat can't be connected to", "nothing once the network is back; otherwise check DNS, proxy and firewall (mediaferry doctor)"},
	Egress:      {ReactHandBack, http.StatusFailedDependency, ExitAccount, "the account refuses this worker's address", "add the worker's address to the account's IP list, or use the egress proxy"},

	Storage: {ReactHandBack, http.StatusServiceUnavailable, ExitError, "the storage can't be reached from this worker", "mount the storage root, or check the bucket's settings"},
	NoWork:  {ReactHandBack, http.StatusServiceUnavailable, ExitUsage, "this worker does not know the account", "add the account to the worker's settings"},
	Twin:    {ReactHandBack, http.StatusConflict, ExitTemporary, "the same content is being uploaded right now", "nothing: its media will be reused"},
	Busy:    {ReactHandBack, http.StatusServiceUnavailable, ExitTemporary, "other pictures are made to fit first", "nothing: its turn comes"},

	Invalid:      {ReactFail, http.StatusUnprocessableEntity, ExitUsage, "the request is not valid", ""},
	Conflict:     {ReactFail, http.StatusConflict, ExitUsage, "the request contradicts what is recorded", ""},
	NotFound:     {ReactFail, http.StatusNotFound, ExitUsage, "there is no such thing", ""},
	Unauthorized: {ReactFail, http.StatusUnauthorized, ExitUsage, "no valid key was given", "send the header Authorization: Bearer KEY"},
	Forbidden:    {ReactFail, http.StatusForbidden, ExitUsage, "this key may not do that", "ask the operator for a key with that right"},
	TooMany:      {ReactBackoff, http.StatusTooManyRequests, ExitTemporary, "too many requests", "slow down"},
	Unavailable:  {ReactBackoff, http.StatusServiceUnavailable, ExitError, "a service that is needed can't be reached", "try again"},
}

// Codes returns every code, in the order of the alphabet.
func Codes() []Code { return slices.Sorted(maps.Keys(codes)) }

func (c Code) row() codeRow {
	if r, ok := codes[c]; ok {
		return r
	}
	return codes[Internal]
}

// Reaction returns what a worker does about it.
func (c Code) Reaction() Reaction { return c.row().reaction }

// Status returns the HTTP status that answers it.
func (c Code) Status() int { return c.row().status }

// Exit returns the exit code of a command that ends with it.
func (c Code) Exit() int { return c.row().exit }

// Meaning says in a few words what happened.
func (c Code) Meaning() string { return c.row().meaning }

// Hint says what to do about it. It is empty if there is nothing to do.
func (c Code) Hint() string { return c.row().hint }

// Retryable reports whether a new try without any change may succeed.
func (c Code) Retryable() bool { return c.row().reaction != ReactFail }

// Mendable reports whether the same request may succeed later although it has failed: the fault may pass, or somebody
// may have put the file right without changing its name.
func (c Code) Mendable() bool {
	switch c {
	case Missing, Denied, Poison, Stopped, Deadline:
		return true
	default:
		return c.Retryable()
	}
}
