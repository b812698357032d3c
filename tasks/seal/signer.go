package seal

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"
)

// Signer signs what processes with the same key say to each other, for one purpose. Safe for concurrent use.
type Signer struct{ secrets [][]byte }

// Signer returns the signer of a purpose.
func (k *Keys) Signer(purpose string) *Signer { return &Signer{k.Derived(purpose)} }

// Sign returns a signature of the parts by every key, so that the other side may be before or behind in a rotation.
func (s *Signer) Sign(parts ...string) string {
	var all []string
	for _, secret := range s.secrets {
		all = append(all, base64.RawURLEncoding.EncodeToString(sum(secret, parts)))
	}
	return strings.Join(all, " ")
}

// Signed reports whether one of the keys made one of the signatures of the parts.
func (s *Signer) Signed(signatures string, parts ...string) bool {
	found := false
	for text := range strings.FieldsSeq(signatures) {
		signature, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			continue
		}
		for _, secret := range s.secrets {
			found = hmac.Equal(signature, sum(secret, parts)) || found
		}
	}
	return found
}

// sum tells the parts apart by their lengths.
func sum(secret []byte, parts []string) []byte {
	m := hmac.New(sha256.New, secret)
	for _, part := range parts {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		m.Write([]byte(part))
	}
	return m.Sum(nil)
}
