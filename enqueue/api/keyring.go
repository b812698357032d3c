package api

import (
	"context"
	"crypto/subtle"
	"slices"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// KeyStore lists the keys that were added while the server runs. *ledger.Ledger is one.
type KeyStore interface {
	Keys(ctx context.Context) ([]tasks.Key, error)
}

// Keyring knows all keys: those of the settings, and those of the ledger, which are read again every few seconds.
// It is safe for concurrent use.
type Keyring struct {
	Fixed []tasks.Key // from the settings
	Store KeyStore    // nil: there are no others
	Now   func() time.Time

	mu   sync.Mutex
	kept []tasks.Key
	read time.Time
}

// keyAge is how long a revoked key may go on to be taken.
const keyAge = 2 * time.Second

// Find returns the key in force that secret is, and whether there is one. While the store is away, what it last said
// goes on to hold; an error means that it never said anything.
func (r *Keyring) Find(ctx context.Context, secret tasks.Secret) (tasks.Key, bool, error) {
	return r.ByHash(ctx, tasks.KeyHash(secret))
}

// ByHash is Find for those who proved earlier that they hold the key.
func (r *Keyring) ByHash(ctx context.Context, hash tasks.Hash) (tasks.Key, bool, error) {
	if k, ok := match(r.Fixed, hash); ok {
		return k, true, nil
	}
	kept, err := r.stored(ctx)
	k, ok := match(kept, hash)
	return k, ok, err
}

// all returns every key in force.
func (r *Keyring) all(ctx context.Context) ([]tasks.Key, error) {
	kept, err := r.stored(ctx)
	if err != nil && len(r.Fixed) == 0 {
		return nil, err
	}
	return slices.DeleteFunc(slices.Concat(r.Fixed, kept), func(k tasks.Key) bool { return !k.Revoked.IsZero() }), nil
}

// match compares with every key, each in constant time, so that the time it takes tells nothing.
func match(keys []tasks.Key, hash tasks.Hash) (tasks.Key, bool) {
	var found tasks.Key
	ok := false
	for _, k := range keys {
		if subtle.ConstantTimeCompare(k.Hash[:], hash[:]) == 1 && k.Revoked.IsZero() {
			found, ok = k, true
		}
	}
	return found, ok
}

func (r *Keyring) stored(ctx context.Context) ([]tasks.Key, error) {
	if r.Store == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.read.IsZero() && now.Sub(r.read) < keyAge {
		return r.kept, nil
	}
	keys, err := r.Store.Keys(ctx)
	if err != nil {
		if r.read.IsZero() {
			return nil, err
		}
		return r.kept, nil
	}
	r.kept, r.read = keys, now
	return keys, nil
}

func (r *Keyring) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}
