package wechattest

import (
	crand "crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"
)

// dice makes everything that is random: tokens, media ids, rids and the faults that come by rate.
type dice struct {
	mu  sync.Mutex
	src *rand.ChaCha8
	rng *rand.Rand
}

func newDice(seed int64) *dice {
	var key [32]byte
	if seed == 0 {
		_, _ = crand.Read(key[:]) // never fails: it ends the program instead
	} else {
		binary.LittleEndian.PutUint64(key[:], uint64(seed))
	}
	src := rand.NewChaCha8(key)
	return &dice{src: src, rng: rand.New(src)}
}

// text returns n random bytes as base64url: 4 characters of [A-Za-z0-9_-] for every 3 bytes.
func (d *dice) text(n int) string {
	var buf [96]byte
	d.mu.Lock()
	_, _ = d.src.Read(buf[:n]) // never fails
	d.mu.Unlock()
	return base64.RawURLEncoding.EncodeToString(buf[:n])
}

// mediaID returns 64 characters, of which the first may well be '-'.
func (d *dice) mediaID() string { return d.text(48) }

// tokenValue returns what looks like an access_token: a number, an underscore and 128 characters.
func (d *dice) tokenValue() string { return "92_" + d.text(96) }

// looksLikeToken tells a token that was never ours (40001) from text that is none at all (40014).
func looksLikeToken(s string) bool {
	if len(s) < 32 || len(s) > 512 {
		return false
	}
	for _, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// rid returns a request id, which ends every errmsg.
func (d *dice) rid(now time.Time) string {
	d.mu.Lock()
	v := d.rng.Uint64()
	d.mu.Unlock()
	return fmt.Sprintf("%08x-%08x-%08x", uint32(now.Unix()), uint32(v>>32), uint32(v))
}

// chance is true for share of all calls.
func (d *dice) chance(share float64) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.Float64() < share
}
