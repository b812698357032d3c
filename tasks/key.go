package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
)

// Role decides what a key may do.
type Role string

// A producer submits, and sees and touches what is its own. An operator may do everything to everybody's. A viewer
// sees everything and touches nothing.
const (
	RoleProducer Role = "producer"
	RoleOperator Role = "operator"
	RoleViewer   Role = "viewer"
)

// ParseRole reads a role's name. It returns Invalid for any other text.
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case RoleProducer, RoleOperator, RoleViewer:
		return r, nil
	}
	return "", &Error{Code: Invalid, Op: "read role", Err: Textf("%q is not one of producer, operator, viewer", clip(s))}
}

// Key is an API key as the ledger keeps it, without the key itself. Several keys may have the same name, so that one can
// replace another. Each has rights of its own.
type Key struct {
	ID   string `json:"id"`   // the first 8 hex digits of Hash
	Name string `json:"name"` // the producer it speaks for
	Role Role   `json:"role"`
	Hash Hash   `json:"-"` // of the key's bytes
	Rights
	Created time.Time `json:"created_at,omitzero"`
	Revoked time.Time `json:"revoked_at,omitzero"`
}

// LocalProducer is the producer of the person at the command line. Only the key that a first start makes speaks for it.
const LocalProducer = "local"

// Validate reports everything that is wrong with a new key, as an Invalid error.
func (k Key) Validate() error {
	invalid := func(format string, args ...any) error {
		return &Error{Code: Invalid, Op: "check key", Err: Textf(format, args...)}
	}
	switch {
	case !ValidName(k.Name):
		return invalid("name: %q is not a name (1 to %d of a-z A-Z 0-9 . _ -)", clip(k.Name), MaxName)
	case k.Name == LocalProducer:
		return invalid("name: %q is the person at the command line", k.Name)
	case k.Hash == Hash{}:
		return invalid("hash: is missing")
	}
	if _, err := ParseRole(string(k.Role)); err != nil {
		return err
	}
	return k.Rights.Validate()
}

// KeyHash returns the hash of an API key, which the ledger keeps. A key has at least 128 random bits, so nobody can guess
// it from a plain hash.
func KeyHash(key Secret) Hash { return sha256.Sum256([]byte(key.Reveal())) }

// ParseKeyHash reads "sha256:" and 64 hex digits.
func ParseKeyHash(s string) (Hash, error) {
	text, ok := strings.CutPrefix(s, "sha256:")
	b, err := hex.DecodeString(text)
	if !ok || err != nil || len(b) != len(Hash{}) {
		return Hash{}, &Error{Code: Invalid, Op: "read key hash", Err: Textf("want sha256: and 64 hex digits")}
	}
	return Hash(b), nil
}
