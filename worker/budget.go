package worker

import (
	"context"
	"math/bits"
	"sync"
)

// budget bounds the memory that files are read into. Buffers come in sizes of a power of two and are used again.
// It is safe for concurrent use.
type budget struct {
	total int64
	free  *shares
	pools [64]sync.Pool // by the power of two, of *[]byte
}

const (
	// smallest is the size of the smallest buffer: most thumbs and icons fit, and the pool stays a short list.
	smallest = 64 << 10
	// newcomersShare is the part of the memory that is kept for accounts that hold less than their even share: an eighth.
	newcomersShare = 8
)

func newBudget(total int64) *budget {
	kept := total / newcomersShare
	return &budget{total: total, free: newShares(total-kept, kept)}
}

// take waits until size bytes are free for the account, and returns a buffer of that length with arbitrary content. A file
// larger than the whole budget gets its buffer when nothing else is held. release gives the memory back; the buffer must
// not be used after that.
func (b *budget) take(ctx context.Context, account string, size int64) (buf []byte, release func(), err error) {
	power := max(bits.Len64(uint64(max(size, smallest)-1)), bits.Len64(smallest-1))
	giveBack, err := b.free.take(ctx, account, int64(1)<<power)
	if err != nil {
		return nil, nil, err
	}
	pool := &b.pools[power]
	held, ok := pool.Get().(*[]byte)
	if !ok {
		fresh := make([]byte, 1<<power)
		held = &fresh
	}
	return (*held)[:size:size], func() {
		pool.Put(held)
		giveBack()
	}, nil
}
