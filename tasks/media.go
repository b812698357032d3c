package tasks

import (
	"bytes"
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

// String returns h in lower-case hex, and "" for the zero hash.
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

// MediaKey says what a media is good for: one content, as one type, in one account of one realm.
type MediaKey struct {
	Realm string
	AppID string
	Type  MediaType
	Hash  Hash
	// Producer is who alone may reuse and forget it. Empty: all who may submit to the account.
	Producer string
}

// Kept is the hash that the media is kept under: that of the content, or one of it and the producer.
func (k MediaKey) Kept() Hash {
	if k.Producer == "" {
		return k.Hash
	}
	return HashOf([]byte("mediaferry media of one producer\n" + k.Producer + "\n" + k.Hash.String()))
}

// Media is a media_id that WeChat issued.
type Media struct {
	ID        string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// File is an opened source: its bytes, which can be read once, and what it looked like when it was opened.
type File struct {
	io.ReadCloser
	Size     int64     // bytes
	Modified time.Time // zero: the storage does not say
	ETag     string    // the object's entity tag; empty for a folder's file
	// Identity is what the file looked like when it was opened: size, mtime, ctime and inode, or of an object size and
	// entity tag (its version where it has none). As long as it is the same, the bytes are. It decides nothing else. Empty:
	// a part of it is missing, or can't be told apart from the next change yet.
	Identity string
	// Verify returns a Changed error if the source has changed since it was opened. Call it after reading. Nil: the
	// storage itself guarantees that the bytes are those of one version.
	Verify func() error
}

// Content is what validation finds in a file's bytes.
type Content struct {
	Type        MediaType
	Format      string // "jpeg", "png", "gif", "mp3", "amr", "mp4"
	Ext         string // canonical lower-case extension with its dot: ".jpg"
	ContentType string // "image/jpeg"
	Size        int64  // bytes
	Width       int    // pixels; 0 for sound
	Height      int
	Duration    time.Duration // 0 for pictures
	Notes       []string      // remarks that do not refuse the file: "12 bytes after the end"
}

// The sizes of what lies around the file in Payload.Frame, in bytes.
const (
	FrameBefore = 512
	FrameAfter  = 128
)

// Payload is what one upload call sends to WeChat.
type Payload struct {
	Content
	Body []byte
	// Frame is the memory that Body lies in, with FrameBefore bytes before it and FrameAfter bytes behind it. An upload call
	// writes there what goes around the file, and sends all of it as one piece. Nil: Body lies alone, and is copied.
	Frame []byte
	// Held is called when something may read Frame even after the call has returned. Its memory must not be used again. Nil:
	// the caller does not use it again anyway.
	Held func()
	// Spend is called right before every call to WeChat, also before one that is repeated, as after a token was renewed.
	// An error from it ends the upload. Nil: calls are not counted.
	Spend func(context.Context) error
}

// AskedMedia is what the ledger knows of an upload by which a producer asked for a media.
type AskedMedia struct {
	Outcome
	// Live is the media of its content that lives long enough now, which may be a newer one than that of the outcome. Zero:
	// there is none, or nobody has read the content yet.
	Live Media
	// Identity is what its source looked like when it was read last, see File.Identity. Empty: it is not known.
	Identity string
	// Age is how long ago it ended, by the ledger's clock. It is zero without an outcome.
	Age time.Duration
	// Digest is the beginning of its request's digest.
	Digest []byte
}

// Asks reports whether u is the same request. u has the ExternalID that the media was asked for under.
func (a AskedMedia) Asks(u Upload) bool {
	return len(a.Digest) > 0 && bytes.HasPrefix(u.Digest(), a.Digest)
}
