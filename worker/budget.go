package worker

import (
	"context"
	"math/bits"
	"sync"
	"sync/atomic"

	"github.com/mediaferry/mediaferry/tasks"
)

// budget bounds the memory that files are read into. Buffers come in sizes of a power of two and are used again.
// It is safe for concurrent use.
type budget struct {
	total int64
	free  *shares
	pools [64]sync.Pool // by the power of two, of *[]byte; each has room for a frame on top
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

// buffer is the memory of one file, with a frame around it.
type buffer struct {
	frame []byte
	file  []byte      // in frame
	held  atomic.Bool // something may still read it: it is left to the collector
	free  func(again bool)
}

// hold keeps the memory from being used again.
func (b *buffer) hold() { b.held.Store(true) }

// release gives the memory back. Call it once; the buffer must not be used after that.
func (b *buffer) release() { b.free(!b.held.Load()) }

// take waits until size bytes are free for the account, and returns a buffer for so many, with arbitrary content. A file
// larger than the whole budget gets its buffer when nothing else is held.
func (b *budget) take(ctx context.Context, account string, size int64) (*buffer, error) {
	power := max(bits.Len64(uint64(max(size, smallest)-1)), bits.Len64(smallest-1))
	giveBack, err := b.free.take(ctx, account, int64(1)<<power)
	if err != nil {
		return nil, err
	}
	pool := &b.pools[power]
	memory, ok := pool.Get().(*[]byte)
	if !ok {
		fresh := make([]byte, tasks.FrameBefore+1<<power+tasks.FrameAfter)
		memory = &fresh
	}
	end := tasks.FrameBefore + size
	return &buffer{
		frame: (*memory)[: end+tasks.FrameAfter : end+tasks.FrameAfter],
		file:  (*memory)[tasks.FrameBefore:end:end],
		free: func(again bool) {
			if again {
				pool.Put(memory)
			}
			giveBack()
		},
	}, nil
}
