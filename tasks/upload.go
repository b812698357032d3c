package tasks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Upload is one request: this source, as this media type, to this account.
// The zero value of every field but Source, Type and Account means "not asked for".
type Upload struct {
	// ID is a UUIDv7 of ours. Zero: the ledger mints one.
	ID uuid.UUID `json:"id,omitzero"`
	// Producer is the name of the submitter. It comes from the key, the queue or the command line, never from the request.
	Producer string `json:"-"`
	// ExternalID is the producer's own name for this upload. (Producer, ExternalID) is idempotent: the same request under
	// it gives the same receipt, another request under it is a conflict. Empty: the producer gave it no name.
	ExternalID string `json:"external_id,omitempty"`
	// Batch is the batch that it was submitted with. Zero: it was submitted alone.
	Batch uuid.UUID `json:"batch_id,omitzero"`
	// Account names one configured official account.
	Account string `json:"account,omitempty"`
	// Type is WeChat's media type.
	Type MediaType `json:"type"`
	// Source is a path relative to the storage root, s3://bucket/key, or (from the command line only) a file: URL.
	Source string `json:"source"`
	// Granted is the widest grant of its producer that Source lies in, as it was when the upload was accepted. The
	// worker opens Source below it. Empty: the whole storage root or bucket.
	Granted string `json:"-"`
	// Local says that a person submitted it at the command line of the machine that uploads it. Its source may lie outside
	// of the storage root, and its callback on loopback. It comes from the way in, never from a name or a request.
	Local bool `json:"-"`
	// Filename is the user's name for the file, kept for the record only. Empty: the last part of Source.
	Filename string `json:"filename,omitempty"`
	// CallbackURL gets the webhook events of this upload.
	CallbackURL string `json:"callback_url,omitempty"`
	// DefaultCallback gets the events if CallbackURL is empty. It comes from the settings and not from the request, so
	// that the same request stays the same when the settings change.
	DefaultCallback string `json:"-"`
	// Priority chooses the queue. Zero is Bulk.
	Priority Priority `json:"priority,omitempty"`
	// Metadata is the producer's own JSON, at most MaxMetadata bytes, given back with the outcome.
	Metadata json.RawMessage `json:"metadata,omitempty"`
	// NoReuse asks for a call to WeChat even if a live media is known.
	NoReuse bool `json:"no_reuse,omitempty"`
	// Fix allows a picture that is refused to be made to fit: re-encoded, scaled, or made into a thumb. The file itself
	// is never touched.
	Fix bool `json:"fix,omitempty"`
	// KeepFreshUntil asks to keep the media alive until then: it is uploaded again before it expires. It is no part of what
	// makes two requests the same: the later date counts. Zero: the media is left to expire.
	KeepFreshUntil time.Time `json:"keep_fresh_until,omitzero"`
	// ExpiresBy is the deadline. An upload without an outcome by then fails with code deadline. Of a producer's uploads to an
	// account with the same priority the one with the earliest deadline goes first. An upload is refused if the account has fewer
	// calls until its deadline than those before it take. Zero: no deadline.
	ExpiresBy time.Time `json:"expires_by,omitzero"`
}

// Bounds of one upload's texts, in bytes. They keep a row of the ledger, a task and a webhook body small.
const (
	MaxExternalID = 255
	MaxSource     = 4096
	MaxFilename   = 1024
	MaxURL        = 2048
	MaxMetadata   = 16 << 10
	MaxName       = 64
)

// faults gathers what is wrong with the fields of a request.
type faults []error

func (f *faults) reject(field, format string, args ...any) {
	*f = append(*f, Textf("%s: %w", field, Textf(format, args...)))
}

func (f *faults) text(field, s string, limit int) {
	switch {
	case len(s) > limit:
		f.reject(field, "has %d bytes, at most %d are taken", len(s), limit)
	case strings.ContainsRune(s, 0):
		f.reject(field, "has a NUL byte")
	case !utf8.ValidString(s):
		f.reject(field, "is not UTF-8")
	}
}

func (f *faults) externalID(s string) {
	f.text("external_id", s, MaxExternalID)
	if strings.ContainsFunc(s, unicode.IsControl) {
		f.reject("external_id", "has control characters")
	}
}

func (f *faults) metadata(m json.RawMessage) {
	if len(m) > MaxMetadata {
		f.reject("metadata", "has %d bytes, at most %d are taken", len(m), MaxMetadata)
	} else if len(m) > 0 && !json.Valid(m) {
		f.reject("metadata", "is not JSON")
	}
}

func (f *faults) callback(s string) {
	if s == "" {
		return
	}
	if err := validCallback(s); err != nil {
		*f = append(*f, Textf("callback_url: %w", err))
	}
}

func (f faults) error(op string) error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Code: Invalid, Op: op, Err: JoinTexts("; ", f...)}
}

// Validate reports everything that is wrong with the request, as one Invalid error that names the fields. It does not
// check whether the account exists or the source can be read.
func (u Upload) Validate() error {
	var f faults
	if _, err := ParseMediaType(string(u.Type)); err != nil {
		f.reject("type", "%q is not one of image, voice, video, thumb", clip(string(u.Type)))
	}
	if u.Source == "" {
		f.reject("source", "is missing")
	}
	f.text("source", u.Source, MaxSource)
	f.text("filename", u.Filename, MaxFilename)
	f.externalID(u.ExternalID)
	if !ValidName(u.Account) {
		f.reject("account", "%q is not a name (1 to %d of a-z A-Z 0-9 . _ -)", clip(u.Account), MaxName)
	}
	if u.Priority != Bulk && u.Priority != Interactive {
		f.reject("priority", "is not one of bulk, interactive")
	}
	f.metadata(u.Metadata)
	f.callback(u.CallbackURL)
	return f.error("check upload")
}

// Digest tells one request from another. It covers what the producer asked for, without the ID that we minted, the batch that
// the request came in, and the date until which its media is kept alive.
func (u Upload) Digest() []byte {
	u.ID, u.Batch, u.KeepFreshUntil = uuid.Nil, uuid.Nil, time.Time{}
	var compact bytes.Buffer
	if json.Compact(&compact, u.Metadata) == nil {
		u.Metadata = compact.Bytes()
	}
	if len(u.Metadata) == 0 {
		u.Metadata = nil
	}
	b, err := json.Marshal(u)
	if err != nil { // Metadata that is not JSON never passes Validate.
		b = fmt.Appendf(nil, "%+v", u)
	}
	return sum(b)
}

// ValidName reports whether s can name an account, a producer or a queue prefix: 1 to 64 of a-z A-Z 0-9 . _ -, and
// neither "." nor "..", since some names become folders.
func ValidName(s string) bool {
	if s == "" || s == "." || s == ".." || len(s) > MaxName {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func validCallback(s string) error {
	if len(s) > MaxURL {
		return Textf("has %d bytes, at most %d are taken", len(s), MaxURL)
	}
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Host == "", u.Opaque != "":
		return Textf("is not an absolute URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return Textf("has scheme %q, only https and http are taken", u.Scheme)
	case u.User != nil:
		return Textf("carries a user name or password: leave them out")
	}
	return nil
}

// clip keeps a foreign text short enough for an error message.
func clip(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}
