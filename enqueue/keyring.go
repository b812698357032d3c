package enqueue

import (
	"context"
	"crypto/subtle"
	"slices"
	"sync"
	"time"

	"github.com/mediaferry/mediaferry/tasks"
)

// KeyStore lists the keys that were added while the server runs. *ledger.Ledger implements it.
type KeyStore interface {
	Keys(ctx context.Context) ([]tasks.Key, error)
}

// Keyring has all keys: those of the settings, and those of the ledger, which it reads again every few seconds. It is safe
// for concurrent use.
type Keyring struct {
	Fixed []tasks.Key // from the settings
	Store KeyStore    // nil: there are no others
	Now   func() time.Time

	mu      sync.Mutex
	kept    []tasks.Key
	read    time.Time     // when kept was read; zero: never
	tried   time.Time     // when a read ended last, well or not
	failed  error         // what the last read ended with
	reading chan struct{} // closed when the read under way ends; nil: no read is under way
}

const (
	// KeyAge is the time for which a revoked key may still be accepted.
	KeyAge = 2 * time.Second
	// newKeyAge is the time for which a new key may be unknown. Unknown keys make the keyring read the ledger that often.
	newKeyAge = 100 * time.Millisecond
	// readTime bounds one read. It does not end when a caller gives up.
	readTime = 5 * time.Second
	// keptFor is the time for which the keys that were read last are accepted while the ledger is away.
	keptFor = time.Hour
)

// Find returns the valid key with that secret, and whether there is one. While the store is away it uses the keys that it
// read last, for an hour. It returns an error if it can't tell.
func (r *Keyring) Find(ctx context.Context, secret tasks.Secret) (tasks.Key, bool, error) {
	return r.ByHash(ctx, tasks.KeyHash(secret))
}

// ByHash is Find by the key's hash, for a caller that has proved before that it has the key.
func (r *Keyring) ByHash(ctx context.Context, hash tasks.Hash) (tasks.Key, bool, error) {
	if k, ok := match(r.Fixed, hash); ok {
		return k, true, nil
	}
	kept, err := r.stored(ctx, KeyAge)
	k, ok := match(kept, hash)
	if err == nil && !ok { // it may have been added just now
		kept, err = r.stored(ctx, newKeyAge)
		k, ok = match(kept, hash)
	}
	return k, ok, err
}

// All returns every valid key.
func (r *Keyring) All(ctx context.Context) ([]tasks.Key, error) {
	kept, err := r.stored(ctx, KeyAge)
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

// stored returns the keys of the store, read at most age ago. All who ask at once wait for one read, and none of them
// longer than its own context allows. A read that failed is tried again after newKeyAge, behind the back of who asks.
func (r *Keyring) stored(ctx context.Context, age time.Duration) ([]tasks.Key, error) {
	if r.Store == nil {
		return nil, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	recent := !r.tried.IsZero() && now.Sub(r.tried) < newKeyAge
	if !recent && (r.read.IsZero() || now.Sub(r.read) >= age) {
		if r.reading == nil {
			r.reading = make(chan struct{})
			go r.refresh(context.WithoutCancel(ctx), r.reading)
		}
		if r.failed != nil && !r.read.IsZero() && now.Sub(r.read) < keptFor {
			return r.kept, nil // nobody waits for a store that was away a moment ago
		}
		reading := r.reading
		r.mu.Unlock()
		select {
		case <-reading:
		case <-ctx.Done():
		}
		r.mu.Lock()
	}
	switch {
	case !r.read.IsZero() && (r.failed == nil || r.now().Sub(r.read) < keptFor):
		return r.kept, nil
	case r.failed != nil:
		return nil, r.failed
	case r.read.IsZero():
		return nil, &tasks.Error{Code: tasks.Unavailable, Op: "read keys", Err: ctx.Err()}
	}
	return r.kept, nil
}

// refresh reads the store once.
func (r *Keyring) refresh(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	keys, err := r.Store.Keys(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	defer close(done)
	now := r.now()
	r.reading, r.tried, r.failed = nil, now, err
	if err == nil {
		r.kept, r.read = keys, now
	}
}

func (r *Keyring) now() time.Time {
	if r.Now != nil {
		return r.Now()
	}
	return time.Now()
}
