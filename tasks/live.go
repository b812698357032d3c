package tasks

import (
	"time"

	"github.com/google/uuid"
)

// MediaFilter chooses live media.
type MediaFilter struct {
	Account  string   // of this account; empty: all
	Accounts []string // of these only, as rights name them; empty: all
	Producer string   // issued, or kept alive, for uploads of this producer; empty: all
	Type     MediaType
	Query    string // a media_id, a SHA-256, or a part of the source or filename
	Kept     bool   // only those that are kept alive
	Unkept   bool   // only those that are left to expire
	// Within chooses those that expire within this time. Zero: all.
	Within time.Duration
	// Ended chooses those, too, that ended so long ago, as far as they are known still.
	Ended  time.Duration
	Cursor string
	Limit  int // 0: 100, at most 1,000
}

// KnownMedia is a live media as people see it.
type KnownMedia struct {
	MediaID   string    `json:"media_id"`
	Account   string    `json:"account"`
	Type      MediaType `json:"type"`
	SHA256    string    `json:"sha256,omitempty"` // of the bytes that WeChat has; empty: it is not known
	IssuedAt  time.Time `json:"issued_at"`
	ExpiresAt time.Time `json:"expires_at"`
	Size      int64     `json:"size,omitzero"` // of the bytes that WeChat has
	// Of the upload that it was issued for, or of one that it is kept alive for. They are empty where that is not known.
	Upload   uuid.UUID `json:"upload_id,omitzero"`
	Producer string    `json:"producer,omitempty"`
	Source   string    `json:"source,omitempty"`
	Filename string    `json:"filename,omitempty"`
	// Kept says until when it is kept alive, and Due when it is uploaded again. Zero: it is left to expire.
	Kept time.Time `json:"keep_fresh_until,omitzero"`
	Due  time.Time `json:"renews_at,omitzero"`
	// Renewing says that it is being uploaded again.
	Renewing bool `json:"renewing,omitempty"`
}

// MediaUse is an upload that has something to do with a media.
type MediaUse struct {
	ID       uuid.UUID `json:"id"`
	Producer string    `json:"producer"`
	Source   string    `json:"source"`
}

// MediaReuse says what an upload was answered from, and what was answered with its media.
type MediaReuse struct {
	From *MediaUse  `json:"reused_from,omitempty"` // nil: WeChat was called for it, or it is not known
	By   []MediaUse `json:"reused_by,omitempty"`   // the newest first, MaxReuses at most
	More bool       `json:"more,omitempty"`        // there are more of them
}

// MaxReuses bounds MediaReuse.By.
const MaxReuses = 10
