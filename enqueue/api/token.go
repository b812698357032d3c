package api

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// The drop-in endpoint exchanges a key for a token of ours. A token has the key's short name, its expiry, some random bytes,
// and a signature. The secret of the signature is neither in the ledger nor in a backup. A token has nothing of the key
// itself, and ends when the key is revoked.
const (
	tokenLife  = 2 * time.Hour
	tokenKey   = 4 // bytes of the key's hash that name it
	tokenTime  = 8
	tokenNonce = 8
	tokenHead  = tokenKey + tokenTime + tokenNonce
	tokenSum   = 16
	tokenSkew  = 5 * time.Minute // between the clocks of two servers
)

// newToken returns a token for the key, signed with secret.
func newToken(secret []byte, k tasks.Key, now time.Time) string {
	b := make([]byte, tokenHead, tokenHead+tokenSum)
	copy(b, k.Hash[:tokenKey])
	binary.BigEndian.PutUint64(b[tokenKey:], uint64(now.Add(tokenLife).Unix()))
	_, _ = rand.Read(b[tokenKey+tokenTime:]) // never fails
	return base64.RawURLEncoding.EncodeToString(append(b, tokenMAC(secret, k.Hash, b)...))
}

func tokenMAC(secret []byte, key tasks.Hash, head []byte) []byte {
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("mediaferry drop-in token 2\n"))
	m.Write(key[:])
	m.Write(head)
	return m.Sum(nil)[:tokenSum]
}

// tokenFault is why a token is not taken.
type tokenFault int8

const (
	tokenGood tokenFault = iota
	tokenForeign
	tokenExpired
)

// readToken returns the key that a token came from, if one of the secrets has signed it. It refuses an expiry beyond the life
// of a token.
func readToken(ctx context.Context, r *enqueue.Keyring, secrets [][]byte, token string, now time.Time) (tasks.Key, tokenFault, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != tokenHead+tokenSum {
		return tasks.Key{}, tokenForeign, nil //nolint:nilerr // a malformed token is an answer
	}
	head, sum := b[:tokenHead], b[tokenHead:]
	keys, err := r.All(ctx)
	if err != nil {
		return tasks.Key{}, tokenForeign, err
	}
	for _, k := range keys {
		if string(k.Hash[:tokenKey]) != string(head[:tokenKey]) ||
			!slices.ContainsFunc(secrets, func(secret []byte) bool { return hmac.Equal(sum, tokenMAC(secret, k.Hash, head)) }) {
			continue
		}
		switch until := int64(binary.BigEndian.Uint64(head[tokenKey:])); {
		case now.Unix() >= until:
			return k, tokenExpired, nil
		case until > now.Add(tokenLife+tokenSkew).Unix():
			return tasks.Key{}, tokenForeign, nil
		}
		return k, tokenGood, nil
	}
	return tasks.Key{}, tokenForeign, nil
}
