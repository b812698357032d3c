// Package seal encrypts the secrets that have to be kept: in the ledger, and in a shared Redis.
//
// One key of 32 bytes is what an operator keeps. HKDF derives a key from it for each purpose, so that what was sealed
// for one can't be opened as another. A sealed text names its key and is bound to its place: the name of its row.
package seal

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
)

// The purposes. Changing one makes everything unreadable that was sealed for it.
const (
	WeChatTokens   = "wechat tokens"   // access tokens in Redis
	TokenTags      = "token tags"      // what lets Redis compare them
	WebhookSecrets = "webhook secrets" // of producers, in the ledger
	AccountSecrets = "account secrets" // in the ledger
	DropInTokens   = "drop-in tokens"  // what signs them
	InboxFiles     = "inbox files"     // what signs the requests for them
	KeyCheck       = "key check"       // what tells a ledger's key from another
)

// KeySize is the size of a key, in bytes.
const KeySize = 32

// Keys are the key that seals, and those that still open. Safe for concurrent use.
type Keys struct {
	keys []key
}

// key is one of an operator's, with the name that sealed texts give it.
type key struct {
	secret []byte
	id     [idSize]byte
}

// A sealed text is a version, the key's name, a nonce and the ciphertext.
const (
	version = 1
	idSize  = 8
	head    = 1 + idSize
)

// New returns the keys: current seals, and old ones open what was sealed before a rotation. Each has KeySize bytes.
func New(current []byte, old ...[]byte) (*Keys, error) {
	k := new(Keys)
	for _, secret := range append([][]byte{current}, old...) {
		if len(secret) != KeySize {
			return nil, fmt.Errorf("a key has %d bytes, want %d", len(secret), KeySize)
		}
		k.keys = append(k.keys, key{bytes.Clone(secret), [idSize]byte(derive(secret, "key id", idSize))})
	}
	return k, nil
}

// derive can't fail: the sizes are right, and SHA-256 is always there.
func derive(secret []byte, purpose string, size int) []byte {
	b, err := hkdf.Key(sha256.New, secret, nil, "mediaferry/1 "+purpose, size)
	if err != nil {
		panic(err)
	}
	return b
}

// Derived returns a key for a purpose that needs one for itself, as to sign: the current one, and then the old ones.
func (k *Keys) Derived(purpose string) [][]byte {
	var all [][]byte
	for _, key := range k.keys {
		all = append(all, derive(key.secret, purpose, KeySize))
	}
	return all
}

// ID names the current key. It says nothing about the key itself.
func (k *Keys) ID() string { return hex.EncodeToString(k.keys[0].id[:]) }

// Current reports whether a text was sealed with the current key.
func (k *Keys) Current(sealed []byte) bool {
	return isSealed(sealed) && bytes.Equal(sealed[1:head], k.keys[0].id[:])
}

func isSealed(b []byte) bool { return len(b) > head && b[0] == version }

// Box seals for one purpose. Safe for concurrent use.
type Box struct {
	keys  *Keys
	aeads []cipher.AEAD
}

// For returns the box of a purpose.
func (k *Keys) For(purpose string) *Box {
	b := &Box{keys: k}
	for _, secret := range k.Derived(purpose) {
		block, err := aes.NewCipher(secret)
		if err != nil { // the size is one of AES'
			panic(err)
		}
		aead, err := cipher.NewGCMWithRandomNonce(block)
		if err != nil {
			panic(err)
		}
		b.aeads = append(b.aeads, aead)
	}
	return b
}

// Seal encrypts with the current key. Only Open with the same row gives the text back.
func (b *Box) Seal(text []byte, row string) []byte {
	out := append([]byte{version}, b.keys.keys[0].id[:]...)
	return b.aeads[0].Seal(out, nil, text, additional(out, row))
}

// ErrUnknownKey: the text was sealed with a key that is not among those given.
var ErrUnknownKey = errors.New("it was encrypted with another key")

// ErrAltered: the text was sealed for another row or purpose, or was changed since.
var ErrAltered = errors.New("it is not what was encrypted for this place")

// Open returns the text that was sealed for row. It returns ErrUnknownKey or ErrAltered.
func (b *Box) Open(sealed []byte, row string) ([]byte, error) {
	if !isSealed(sealed) {
		return nil, ErrAltered
	}
	for i, key := range b.keys.keys {
		if !bytes.Equal(key.id[:], sealed[1:head]) {
			continue
		}
		text, err := b.aeads[i].Open(nil, nil, sealed[head:], additional(sealed[:head], row))
		if err != nil {
			return nil, ErrAltered
		}
		return text, nil
	}
	return nil, ErrUnknownKey
}

// additional returns the data that is authenticated with the text.
func additional(head []byte, row string) []byte { return append(bytes.Clone(head), row...) }
