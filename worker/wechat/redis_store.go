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

// turnLife is the life of a turn that its holder does not give back, as when the process was killed. A token call takes a
// second at most. If one takes longer, Seq keeps the order.
const turnLife = shortTimeout

// keepAfterExpiry is the time that a token's record outlives the token, since it counts forced refreshes too.
const keepAfterExpiry = 24 * time.Hour

// Sealer encrypts a text for one row, and decrypts it for that row only. Its errors say that a text can't be decrypted.
type Sealer interface {
	Seal(text []byte, row string) []byte
	Open(sealed []byte, row string) ([]byte, error)
}

// RedisTokens shares one token per account among all processes with the same Redis, prefix and key. Tokens are encrypted,
// so that access to Redis does not suffice to call WeChat.
type RedisTokens struct {
	rdb     redis.UniversalClient
	locks   *redislock.Client
	prefix  string
	sealer  Sealer
	tagKeys [][]byte
	log     *slog.Logger
	told    sync.Map // the accounts that were logged
}

// NewRedisTokens returns a store in Redis whose keys begin with prefix. With tagKeys Redis compares tokens without knowing
// them: the first is in use, the others were before a rotation. rdb should have ContextTimeoutEnabled, so that a Redis
// that hangs does not delay uploads.
func NewRedisTokens(rdb redis.UniversalClient, prefix string, sealer Sealer, tagKeys [][]byte, log *slog.Logger) *RedisTokens {
	return &RedisTokens{rdb: rdb, locks: redislock.New(rdb), prefix: prefix, sealer: sealer, tagKeys: tagKeys, log: log}
}

// sealed is the encrypted part of a token. Seq and Refused are not encrypted, so that Redis can compare and set them.
type sealed struct {
	Value     string    `json:"value"`
	ExpiresAt time.Time `json:"expires_at"`
	FetchedAt time.Time `json:"fetched_at,omitzero"`
	RenewAt   time.Time `json:"renew_at"`
	Vouched   bool      `json:"vouched,omitzero"`
	RenewedAt time.Time `json:"renewed_at,omitzero"`
	ForcedAt  time.Time `json:"forced_at,omitzero"`
	Forced    int       `json:"forced,omitzero"`
}

var (
	// The scripts compare and write in one step, so that the newer token of two writers always stays.
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

	// By Redis' own clock, so that the sequence goes on after a loss of the data, and always above the stored number.
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
	if err == nil && stored.Value == "" { // another process's can't be read
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
		_ = lock.Release(ctx) // otherwise it ends by itself
	}
	seq, err := nextSeq.Run(ctx, r.rdb, []string{key}).Int64()
	if err != nil {
		release()
		return Turn{}, false, fmt.Errorf("lock token: %w", err)
	}
	return Turn{Seq: seq, Release: release}, true, nil
}

func (r *RedisTokens) key(account string) string { return r.prefix + "token:" + account }

// tags returns a token's tag for each key. With tags Redis compares tokens without knowing them.
func (r *RedisTokens) tags(value tasks.Secret) []any {
	var all []any
	for _, key := range r.tagKeys {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(value.Reveal()))
		all = append(all, hex.EncodeToString(mac.Sum(nil)))
	}
	return all
}

// seal encrypts a token for one Redis key, so that one account's token can't be put in the place of another's.
func (r *RedisTokens) seal(key string, t Token) (string, error) {
	text, err := json.Marshal(sealed{t.Value.Reveal(), t.ExpiresAt, t.FetchedAt, t.RenewAt, t.Vouched, t.RenewedAt, t.ForcedAt, t.Forced})
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
	return Token{Value: tasks.Secret(s.Value), ExpiresAt: s.ExpiresAt, FetchedAt: s.FetchedAt, RenewAt: s.RenewAt, Vouched: s.Vouched,
		RenewedAt: s.RenewedAt, ForcedAt: s.ForcedAt, Forced: s.Forced}, nil
}
