package api_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mediaferry/mediaferry/enqueue"
	"github.com/mediaferry/mediaferry/tasks"
)

// hangingStore answers at once, or while it is away when its caller gives up.
type hangingStore struct {
	away  atomic.Bool
	reads atomic.Int32
	keys  []tasks.Key
}

func (s *hangingStore) Keys(ctx context.Context) ([]tasks.Key, error) {
	s.reads.Add(1)
	if s.away.Load() {
		<-ctx.Done()
		return nil, &tasks.Error{Code: tasks.Unavailable, Op: "read keys", Err: errors.New("it is away")}
	}
	return s.keys, nil
}

// While the ledger is away, keys that were seen lately are good for an hour, one read is under way at a time, and nobody
// waits for it but the first.
func TestKeysInAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const secret = "kept-key-0123456789abcdef"
		store := &hangingStore{keys: []tasks.Key{key("shop", secret, tasks.RoleProducer)}}
		ring := &enqueue.Keyring{Store: store}
		find := func(secret tasks.Secret) (bool, error) {
			_, ok, err := ring.Find(t.Context(), secret)
			return ok, err
		}
		if ok, err := find(secret); !ok || err != nil {
			t.Fatal(ok, err)
		}
		store.away.Store(true)
		time.Sleep(10 * time.Second)
		began, before := time.Now(), store.reads.Load()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if ok, err := find(secret); !ok || err != nil {
					t.Errorf("a known key: %v, %v", ok, err)
				}
			})
		}
		all.Wait()
		if took, reads := time.Since(began), store.reads.Load()-before; took > 5*time.Second || reads > 1 {
			t.Errorf("twenty at once waited %v for %d reads", took, reads)
		}
		for range 20 {
			began := time.Now()
			if ok, err := find(secret); !ok || err != nil || time.Since(began) > 0 {
				t.Errorf("a known key: %v, %v after %v", ok, err, time.Since(began))
			}
			time.Sleep(time.Second)
		}
		time.Sleep(time.Hour)
		if ok, err := find(secret); ok || tasks.CodeOf(err) != tasks.Unavailable {
			t.Errorf("after an hour: %v, %v", ok, err)
		}
		store.away.Store(false)
		time.Sleep(10 * time.Second)
		if ok, err := find(secret); !ok || err != nil {
			t.Errorf("after the outage: %v, %v", ok, err)
		}
		synctest.Wait()
	})
}
