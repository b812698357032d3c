package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"time"
)

// Hash is the SHA-256 of a file's bytes.
type Hash [sha256.Size]byte

// HashOf returns the hash of b.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// String returns it in lower-case hex, or "" for the zero hash.
func (h Hash) String() string {
	if h == (Hash{}) {
		return ""
	}
	return hex.EncodeToString(h[:])
}

func sum(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}

// MediaKey is what a media is good for: one content, as one type, in one account of one realm.
type MediaKey struct {
	Realm string
	AppID string
	Type  MediaType
	Hash  Hash
}

// Media is a media_id that WeChat issued.
type Media struct {
	ID        string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// File is an opened source: its bytes, once, and what it looked like when it was opened.
type File struct {
	io.ReadCloser
	Size     int64     // bytes
	Modified time.Time // zero where the storage does not say
	ETag     string    // the object's entity tag; empty for a folder's file
	// Identity changes whenever the bytes may have changed: size, times and inode of a file, the entity tag of an
	// object. Empty: the storage does not say.
	Identity string
	// Verify reports, after the bytes were read, whether the source is still the one that was opened:
	// a Changed error if it is not. Nil means that the storage itself guarantees it.
	Verify func() error
}

// Content is what validation found in a file's bytes.
type Content struct {
	Type        MediaType
	Format      string // "jpeg", "png", "gif", "mp3", "amr", "mp4"
	Ext         string // canonical lower-case extension with its dot: ".jpg"
	ContentType string // "image/jpeg"
	Size        int64  // bytes
	Width       int    // pixels; 0 for sound
	Height      int
	Duration    time.Duration // 0 for pictures
	Notes       []string      // remarks that are no refusal: "12 bytes after the end"
}

// Payload is what one call to WeChat's upload carries.
type Payload struct {
	Content
	Body []byte
	// Spend is asked right before every call to WeChat, the first and those made again, as after a token
	// was renewed. An error from it ends the upload. Nil means that calls are not counted.
	Spend func(context.Context) error
}
