package tasks

import (
	"time"

	"github.com/google/uuid"
)

// Kept is what is known of a media that is kept alive: it is uploaded again before it expires, as long as somebody asks for
// it.
type Kept struct {
	Until    time.Time `json:"until"`             // the latest date that somebody asked for
	Due      time.Time `json:"renews_at"`         // when it is uploaded again
	Renewing bool      `json:"renewing"`          // that is under way
	Uploads  int       `json:"uploads"`           // that asked for it
	Failures int       `json:"failures,omitzero"` // since the last renewal
	Code     Code      `json:"code,omitempty"`    // of the last failure
	Reason   string    `json:"reason,omitempty"`
	Params   Params    `json:"params,omitzero"` // the values of reason
}

// CurrentMedia is the media_id that the content of an upload has now. The one of its outcome stays what it was.
type CurrentMedia struct {
	MediaID   string    `json:"media_id"`
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// MediaChange is the data of media.renewed and of media.stale. It goes once to each producer and URL, however many of its
// uploads asked for the content.
type MediaChange struct {
	OldMediaID string    `json:"old_media_id,omitempty"` // with media.renewed: it lives until its own end
	MediaID    string    `json:"media_id"`               // with media.stale: the one that expires
	IssuedAt   time.Time `json:"issued_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	Producer   string    `json:"producer"`
	Account    string    `json:"account"`
	Type       MediaType `json:"type"`
	SHA256     string    `json:"sha256"`
	// Uploads are those that asked for it, the newest first, and MaxChangeUploads at most.
	Uploads []uuid.UUID `json:"upload_ids"`
	// With media.stale, why it could not be renewed, and what to do about it.
	Code   Code   `json:"code,omitempty"`
	Reason string `json:"reason,omitempty"`
	Params Params `json:"params,omitzero"` // the values of reason
	Hint   string `json:"hint,omitempty"`
}

// MaxChangeUploads bounds the uploads that a MediaChange names.
const MaxChangeUploads = 100

// A media is renewed at a time between RenewBefore and RenewBefore plus RenewSpread before it expires. The content decides the
// time, so that what was uploaded together is not renewed together. A media that lives for less than a day has about a quarter of
// its life for each. A media of three days is renewed after more than 60 hours, so that ten days take four calls.
const (
	RenewBefore = 6 * time.Hour
	RenewSpread = 5*time.Hour + 30*time.Minute
)

// KeepRoom returns the number of media that an account can keep alive with so many calls a day: each takes one in two days and a
// half.
func KeepRoom(calls int) int { return max(1, calls*5/2) }

// KeepCalls returns the number of calls that so many media take in a day while they are kept alive, on average.
func KeepCalls(media int) int { return (media*2 + 4) / 5 }
