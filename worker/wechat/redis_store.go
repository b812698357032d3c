package wechat

import "github.com/redis/go-redis/v9"

// NewRedisTokens returns a store that shares one token per account through Redis, encrypted with key.
// Keys begin with prefix.
func NewRedisTokens(rdb redis.UniversalClient, prefix string, key [32]byte) TokenStore { return nil }
