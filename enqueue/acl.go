package enqueue

import "strings"

// aclCommands are the commands of Redis that asynq and this program call, those in scripts among them.
//
//nolint:gochecknoglobals // a table
var aclCommands = []string{
	"ping", "info", "select", "eval", "evalsha", "scan", "time", "memory|usage",
	"get", "set", "setex", "setnx", "del", "exists", "incr", "expire", "expireat", "pexpire",
	"hset", "hget", "hmget", "hvals", "hdel",
	"lpush", "rpush", "rpoplpush", "lrange", "llen", "lrem", "ltrim",
	"sadd", "srem", "smembers", "sismember",
	"zadd", "zrem", "zcard", "zscore", "zrange", "zrevrange", "zrangebyscore", "zremrangebyscore", "zremrangebyrank",
	"publish", "subscribe", "unsubscribe",
	"command", "asking", "cluster|slots", "cluster|shards", // of a cluster
}

// ACL returns the rules of the least access that a user of Redis needs to work with the queues and keys of a prefix. ACL
// SETUSER takes them behind the user's name.
func ACL(prefix string) string {
	rules := []string{"on", "resetkeys", "resetchannels", "-@all", "&asynq:cancel"}
	for _, key := range []string{"queues", "servers", "servers:*", "workers", "workers:*", "{" + prefix + "*"} {
		rules = append(rules, "~asynq:"+key)
	}
	for _, queue := range InboxQueues(prefix) {
		if !strings.HasPrefix(queue, prefix) {
			rules = append(rules, "~asynq:{"+queue+"}:*")
		}
	}
	rules = append(rules, "~"+prefix+"*")
	for _, command := range aclCommands {
		rules = append(rules, "+"+command)
	}
	return strings.Join(rules, " ")
}
