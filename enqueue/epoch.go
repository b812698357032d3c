package enqueue

import (
	"context"
	"crypto/rand"
)

// Epoch returns the belt's epoch, a random text that the first call makes and Redis keeps. If it differs from that of the
// last call, everything on the belt was lost.
func (b *Belt) Epoch(ctx context.Context) (string, error) {
	key := b.prefix + "mediaferry:epoch"
	pipe := b.redis.Pipeline()
	pipe.SetNX(ctx, key, rand.Text(), 0)
	got := pipe.Get(ctx, key)
	if _, err := pipe.Exec(ctx); err != nil {
		return "", beltError(ctx, "read belt epoch", err)
	}
	return got.Val(), nil
}
