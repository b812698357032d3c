package enqueue

import (
	"context"
	"crypto/rand"
)

// Epoch returns the text that names this life of the belt. It is made up when the belt is first asked, and stays as
// long as Redis keeps its keys: another one than last time means that everything on the belt was lost.
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
