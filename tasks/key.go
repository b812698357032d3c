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

// Rights bound what the holder of a key may submit. The zero value bounds nothing but buckets, which must be named.
type Rights struct {
	Accounts      []string `json:"accounts,omitempty"`       // it may submit to; none: all
	Sources       []string `json:"sources,omitempty"`        // folder/ or s3://bucket/prefix; none: the whole storage root, no bucket
	CallbackHosts []string `json:"callback_hosts,omitempty"` // its callback URLs may name; *.example.com takes subdomains; none: any
	RatePerMinute int      `json:"rate_per_minute,omitzero"` // uploads; 0: unlimited
	DailyBudget   int      `json:"daily_budget,omitzero"`    // uploads a day, which begins at midnight in Asia/Shanghai; 0: unlimited
	// BulkOnly refuses interactive priority.
	BulkOnly bool `json:"bulk_only,omitempty"`
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
