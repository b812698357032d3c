package wechat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/bsm/redislock"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/tasks"
)

// turnLife is how long a turn lasts that its holder does not give back. A token call takes a second at most, so a
// process that was killed holds nobody up for longer than this; and should one take longer, Seq keeps order.
const turnLife = shortTimeout

// keepAfterExpiry is how long a token's record outlives it: it also counts forced refreshes.
const keepAfterExpiry = 24 * time.Hour

// Sealer encrypts what it is given for one row, and opens nothing else. Its errors say that a text can't be opened.
type Sealer interface {
	Seal(text []byte, row string) []byte
	Open(sealed []byte, row string) ([]byte, error)
}

// RedisTokens shares one token per account among everybody who uses the same Redis, prefix and key. Tokens are
// encrypted: reading Redis is not enough to call WeChat.
type RedisTokens struct {
	rdb     redis.UniversalClient
	locks   *redislock.Client
	prefix  string
	sealer  Sealer
	tagKeys [][]byte
	log     *slog.Logger
	told    sync.Map // the accounts that the log has a line about
}

// NewRedisTokens returns a store in Redis whose keys begin with prefix. tagKeys let Redis compare tokens without
// knowing them: the first is in use, the others were before a rotation. The client should give up when a call's
// context does (ContextTimeoutEnabled), so that a Redis that hangs does not hold up uploads.
func NewRedisTokens(rdb redis.UniversalClient, prefix string, sealer Sealer, tagKeys [][]byte, log *slog.Logger) *RedisTokens {
	return &RedisTokens{rdb: rdb, locks: redislock.New(rdb), prefix: prefix, sealer: sealer, tagKeys: tagKeys, log: log}
}

// sealed is what is encrypted of a token. Seq and Refused stay outside, where Redis can compare and set them.
type sealed struct {
	Value     string    `json:"value"`
	ExpiresAt time.Time `json:"expires_at"`
	RenewAt   time.Time `json:"renew_at"`
	Vouched   bool      `json:"vouched,omitzero"`
	RenewedAt time.Time `json:"renewed_at,omitzero"`
	ForcedAt  time.Time `json:"forced_at,omitzero"`
	Forced    int       `json:"forced,omitzero"`
}

var (
	// The scripts compare and write in one step, so that of two writers the newer token always stays.
	saveToken = redis.NewScript(`
if tonumber(redis.call("HGET", KEYS[1], "seq") or "0") >= tonumber(ARGV[1]) then return 0 end
redis.call("HSET", KEYS[1], "seq", ARGV[1], "data", ARGV[2], "tag", ARGV[3], "refused", ARGV[4])
redis.call("PEXPIRE", KEYS[1], ARGV[5])
return 1`)

	refuseToken = redis.NewScript(`
local tag = redis.call("HGET", KEYS[1], "tag")
for _, known in ipairs(ARGV) do
  if tag == known then
    redis.call("HSET", KEYS[1], "refused", "1")
    return 1
  end
end
return 0`)

	// By Redis' own clock, so that a sequence goes on after the data was lost, and always past what is stored.
	nextSeq = redis.NewScript(`
local t = redis.call("TIME")
local now = t[1] * 1000000 + t[2]
local have = tonumber(redis.call("HGET", KEYS[1], "seq") or "0")
return string.format("%.0f", math.max(now, have + 1))`)
)

// Load implements TokenStore. A token that can't be decrypted counts as absent: the next one takes its place.
func (r *RedisTokens) Load(ctx context.Context, account string) (Token, error) {
	key := r.key(account)
	v, err := r.rdb.HMGet(ctx, key, "seq", "data", "refused").Result()
	if err != nil {
		return Token{}, fmt.Errorf("load token: %w", err)
	}
	seq, _ := v[0].(string)
	data, there := v[1].(string)
	if !there {
		return Token{}, nil
	}
	t, err := r.open(key, data)
	if err == nil {
		t.Seq, err = strconv.ParseInt(seq, 10, 64)
	}
	if err != nil {
		if _, told := r.told.LoadOrStore(account, true); !told {
			r.log.WarnContext(ctx, "the access token in Redis can't be read: another one is fetched", "account", account, "error", err)
		}
		return Token{}, nil
	}
	t.Refused = v[2] == "1"
	return t, nil
}

// Save implements TokenStore.
func (r *RedisTokens) Save(ctx context.Context, account string, t Token) (Token, error) {
	key := r.key(account)
	data, err := r.seal(key, t)
	if err != nil {
		return Token{}, fmt.Errorf("save token: %w", err)
	}
	refused := "0"
	if t.Refused {
		refused = "1"
	}
	life := max(0, time.Until(t.ExpiresAt)) + keepAfterExpiry
	saved, err := saveToken.Run(ctx, r.rdb, []string{key}, t.Seq, data, r.tags(t.Value)[0], refused, life.Milliseconds()).Bool()
	if err != nil {
		return Token{}, fmt.Errorf("save token: %w", err)
	}
	if saved {
		return t, nil
	}
	stored, err := r.Load(ctx, account)
	if err == nil && stored.Value == "" { // somebody else's can't be read
		return t, nil
	}
	return stored, err
}

// Refuse implements TokenStore.
func (r *RedisTokens) Refuse(ctx context.Context, account string, value tasks.Secret) error {
	if err := refuseToken.Run(ctx, r.rdb, []string{r.key(account)}, r.tags(value)...).Err(); err != nil {
		return fmt.Errorf("refuse token: %w", err)
	}
	return nil
}

// Lock implements TokenStore.
func (r *RedisTokens) Lock(ctx context.Context, account string) (Turn, bool, error) {
	key := r.key(account)
	lock, err := r.locks.Obtain(ctx, key+":turn", turnLife, nil)
	if errors.Is(err, redislock.ErrNotObtained) {
		return Turn{}, false, nil
	}
	if err != nil {
		return Turn{}, false, fmt.Errorf("lock token: %w", err)
	}
	release := func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
		defer cancel()
		_ = lock.Release(ctx) // it ends by itself otherwise
	}
	seq, err := nextSeq.Run(ctx, r.rdb, []string{key}).Int64()
	if err != nil {
		release()
		return Turn{}, false, fmt.Errorf("lock token: %w", err)
	}
	return Turn{Seq: seq, Release: release}, true, nil
}

func (r *RedisTokens) key(account string) string { return r.prefix + "token:" + account }

// tags let Redis compare tokens without knowing them, one for each key.
func (r *RedisTokens) tags(value tasks.Secret) []any {
	var all []any
	for _, key := range r.tagKeys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(value.Reveal()))
		all = append(all, hex.EncodeToString(mac.Sum(nil)))
	}
	return all
}

// seal encrypts for one Redis key only, so that nobody can give one account the token of another.
func (r *RedisTokens) seal(key string, t Token) (string, error) {
	text, err := json.Marshal(sealed{t.Value.Reveal(), t.ExpiresAt, t.RenewAt, t.Vouched, t.RenewedAt, t.ForcedAt, t.Forced})
	return string(r.sealer.Seal(text, key)), err
}

func (r *RedisTokens) open(key, data string) (Token, error) {
	text, err := r.sealer.Open([]byte(data), key)
	if err != nil {
		return Token{}, err
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil {
		return Token{}, err
	}
	return Token{Value: tasks.Secret(s.Value), ExpiresAt: s.ExpiresAt, RenewAt: s.RenewAt, Vouched: s.Vouched,
		RenewedAt: s.RenewedAt, ForcedAt: s.ForcedAt, Forced: s.Forced}, nil
}
