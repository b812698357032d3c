package api

import (
	"encoding/base64"
	"encoding/binary"
	"testing"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// What a backup of the ledger holds, the hash of a key, makes no token; and no token is good for longer than its life.
func TestTokensNeedTheServersSecret(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	key := tasks.Key{Name: "shop", Role: tasks.RoleProducer, Hash: tasks.KeyHash("mf_0123456789abcdef")}
	ring := &enqueue.Keyring{Fixed: []tasks.Key{key}}
	ours, before, theirs := []byte("secret of ours"), []byte("before a rotation"), []byte("of another server")
	signed := func(secret []byte, until time.Time) string {
		b, err := base64.RawURLEncoding.DecodeString(newToken(secret, key, now))
		if err != nil {
			t.Fatal(err)
		}
		binary.BigEndian.PutUint64(b[tokenKey:], uint64(until.Unix()))
		return base64.RawURLEncoding.EncodeToString(append(b[:tokenHead], tokenMAC(secret, key.Hash, b[:tokenHead])...))
	}
	for name, c := range map[string]struct {
		token string
		want  tokenFault
	}{
		"ours":                       {newToken(ours, key, now), tokenGood},
		"of before a rotation":       {newToken(before, key, now), tokenGood},
		"of another server":          {newToken(theirs, key, now), tokenForeign},
		"made of the hash":           {newToken(key.Hash[:], key, now), tokenForeign},
		"by a clock that goes ahead": {newToken(ours, key, now.Add(4*time.Minute)), tokenGood},
		"expired":                    {newToken(ours, key, now.Add(-tokenLife)), tokenExpired},
		"good for a year":            {signed(ours, now.AddDate(1, 0, 0)), tokenForeign},
		"good for ever":              {signed(ours, time.Unix(1<<62, 0)), tokenForeign},
	} {
		if _, got, err := readToken(t.Context(), ring, [][]byte{ours, before}, c.token, now); err != nil || got != c.want {
			t.Errorf("%s: %d, %v, want %d", name, got, err, c.want)
		}
	}
}
