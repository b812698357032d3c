package enqueue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// Belt carries dispatched uploads and webhook deliveries to the workers: asynq's queues in one Redis.
// It is safe for concurrent use.
type Belt struct {
	raw       redis.UniversalClient
	redis     redis.UniversalClient // raw, pipelined
	prefix    string
	client    atomic.Pointer[asynq.Client]
	inspector *asynq.Inspector
}

// NewBelt returns a belt on c. Its queue names and keys begin with prefix. Workers must have the same prefix. Several
// installations may share a Redis with different prefixes. The caller closes c.
func NewBelt(c redis.UniversalClient, prefix string) *Belt {
	b := &Belt{raw: c, redis: Pipelined(c), prefix: prefix}
	b.inspector = asynq.NewInspectorFromRedisClient(b.redis)
	b.Renew()
	return b
}

// Queue returns the name in Redis of one of the queues of package tasks.
func (b *Belt) Queue(name string) string { return b.prefix + name }

// Renew makes a new asynq client. Call it when the belt was lost: a client announces each queue's name only once in its
// life, and a queue that was not announced can't be inspected.
func (b *Belt) Renew() { b.client.Store(asynq.NewClientFromRedisClient(b.redis)) }

// asynq must never give up a task by itself: the ledger decides how often an upload is tried.
const (
	endless = math.MaxInt32
	// runTimeout is asynq's own limit for one task. It only frees a slot that a defect holds: workers have shorter
	// limits for all that they do, and none for waiting until the ledger is back.
	runTimeout     = time.Hour
	deliverTimeout = 5 * time.Minute
	// putters is how many tasks are enqueued at once, and with it how many share a round trip.
	putters = 128
)

// Put puts dispatched chunks on the belt, each in the queue of its kind. It returns the chunks that may not have arrived,
// with the first error. A chunk that is on the belt already counts as arrived: if an answer was lost, go-redis sends the
// same task again.
func (b *Belt) Put(ctx context.Context, ledger uuid.UUID, dispatched []tasks.Chunk) ([]tasks.Chunk, error) {
	return putAll(dispatched, func(c tasks.Chunk) error {
		t, err := tasks.NewRunTask(ledger, c)
		if err != nil {
			return err
		}
		return b.put(ctx, t, b.Queue(c.Queue()), runTimeout)
	})
}

// PutDeliveries is Put for webhook deliveries.
func (b *Belt) PutDeliveries(ctx context.Context, ledger uuid.UUID, dispatched []tasks.DeliveryDispatch) ([]tasks.DeliveryDispatch, error) {
	return putAll(dispatched, func(d tasks.DeliveryDispatch) error {
		t, err := tasks.NewDeliverTask(ledger, d)
		if err != nil {
			return err
		}
		queue := tasks.QueueWebhook
		if d.Slow {
			queue = tasks.QueueWebhookSlow
		}
		return b.put(ctx, t, b.Queue(queue), deliverTimeout)
	})
}

func (b *Belt) put(ctx context.Context, t *asynq.Task, queue string, timeout time.Duration) error {
	_, err := b.client.Load().EnqueueContext(ctx, t, asynq.Queue(queue), asynq.MaxRetry(endless), asynq.Timeout(timeout))
	if err == nil || errors.Is(err, asynq.ErrTaskIDConflict) {
		return nil
	}
	return beltError(ctx, "enqueue "+t.Type(), err)
}

// putAll calls put for each of all, some at once, and returns those that failed with the first error. After a failure it
// starts no more calls, and counts the rest as failed.
func putAll[T any](all []T, put func(T) error) ([]T, error) {
	var (
		wg    sync.WaitGroup
		next  atomic.Int64
		first atomic.Pointer[error]
		ok    = make([]bool, len(all))
	)
	for range min(putters, len(all)) {
		wg.Go(func() {
			for first.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(all) {
					return
				}
				if err := put(all[i]); err != nil {
					first.CompareAndSwap(nil, &err)
					return
				}
				ok[i] = true
			}
		})
	}
	wg.Wait()
	if first.Load() == nil {
		return nil, nil
	}
	var left []T
	for i, done := range ok {
		if !done {
			left = append(left, all[i])
		}
	}
	return left, *first.Load()
}

// beltError says that Redis could not be used, or that ctx ended first (asynq's errors don't keep their chain).
// Errors of go-redis name addresses, never passwords.
func beltError(ctx context.Context, step string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", step, ctx.Err())
	}
	return &tasks.Error{Code: tasks.Unavailable, Op: step, Err: err, Hint: "check that Redis runs and can be reached from here"}
}
