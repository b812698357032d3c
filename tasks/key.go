package tasks

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Role says what a key may do.
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
	return "", &Error{Code: Invalid, Op: "read role", Err: fmt.Errorf("%q is not one of producer, operator, viewer", clip(s))}
}

// Key is one API key as it is kept: never the key itself. Several keys may have the same name, so that one can take
// the place of another; each has its own rights.
type Key struct {
	ID   string `json:"id"`   // the first 8 hex digits of Hash
	Name string `json:"name"` // the producer it speaks for
	Role Role   `json:"role"`
	Hash Hash   `json:"-"` // of the key's bytes
	Rights
	Created time.Time `json:"created_at,omitzero"`
	Revoked time.Time `json:"revoked_at,omitzero"`
}

// LocalProducer is the producer of the person at the command line. No key speaks for it but the one that a first start makes.
const LocalProducer = "local"

// Validate reports everything that is wrong with a key that is to be added, as an Invalid error.
func (k Key) Validate() error {
	invalid := func(format string, args ...any) error {
		return &Error{Code: Invalid, Op: "check key", Err: fmt.Errorf(format, args...)}
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

// KeyHash is what is kept of an API key. A key has at least 128 random bits, so a plain hash can't be guessed back.
func KeyHash(key Secret) Hash { return sha256.Sum256([]byte(key.Reveal())) }

// ParseKeyHash reads "sha256:" and 64 hex digits.
func ParseKeyHash(s string) (Hash, error) {
	text, ok := strings.CutPrefix(s, "sha256:")
	b, err := hex.DecodeString(text)
	if !ok || err != nil || len(b) != len(Hash{}) {
		return Hash{}, &Error{Code: Invalid, Op: "read key hash", Err: errors.New("want sha256: and 64 hex digits")}
	}
	return Hash(b), nil
}
