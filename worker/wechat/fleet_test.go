package wechat_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/mediaferry/mediaferry/enqueue/redistest"
	"github.com/mediaferry/mediaferry/tasks"
	"github.com/mediaferry/mediaferry/tasks/seal"
	"github.com/mediaferry/mediaferry/worker/wechat"
	"github.com/mediaferry/mediaferry/worker/wechat/wechattest"
)

const fleetSize = 20

// fleet is as many clients as there are processes, with one Redis, one WeChat and one clock.
type fleet struct {
	t       *testing.T
	now     *clock
	redis   *redistest.Server
	wechat  *wechattest.Server
	clients []*wechat.Client
	asked   atomic.Int64 // commands that went to Redis
}

func newFleet(t *testing.T, source wechat.TokenSource) *fleet {
	t.Helper()
	f := &fleet{t: t, now: newClock(), redis: redistest.Start(t)}
	f.wechat = wechattest.NewServer(t, wechattest.Config{Now: f.now.Now})
	for range fleetSize {
		f.clients = append(f.clients, f.join(source))
	}
	return f
}

// join starts one more process.
func (f *fleet) join(source wechat.TokenSource) *wechat.Client {
	f.t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: f.redis.Addr(), ContextTimeoutEnabled: true, MaxRetries: -1, PoolSize: 100}) // a pool that met as many dial errors pauses for a second
	f.t.Cleanup(func() { _ = rdb.Close() })
	rdb.AddHook(counting{&f.asked})
	a := account()
	a.Source = source
	return newClient(f.t, config(f.wechat.URL, f.now.Now), a, sharedTokens(rdb, "test:", 7))
}

// counting counts commands.
type counting struct{ n *atomic.Int64 }

func (c counting) DialHook(next redis.DialHook) redis.DialHook { return next }

func (c counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

// upload lets every process upload at once and fails the test if one of them fails.
func (f *fleet) upload() {
	f.t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, len(f.clients))
	for i, c := range f.clients {
		wg.Go(func() { _, errs[i] = c.Upload(f.t.Context(), "main", payload()) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			f.t.Fatalf("process %d: %v", i, err)
		}
	}
}

// fetched fails the test unless so many tokens were fetched in all.
func (f *fleet) fetched(want int, when string) {
	f.t.Helper()
	if n := f.wechat.Count("stable_token") + f.wechat.Count("token"); n != want {
		f.t.Fatalf("%s: %d tokens were fetched, want %d", when, n, want)
	}
}

func TestFleetFetchesOneTokenPerExpiry(t *testing.T) {
	t.Parallel()
	for _, source := range []wechat.TokenSource{wechat.StableToken, wechat.PlainToken} {
		t.Run(string(source), func(t *testing.T) {
			t.Parallel()
			f := newFleet(t, source)
			f.upload()
			f.fetched(1, "at the start")
			f.now.Advance(time.Hour)
			f.upload()
			f.fetched(1, "after an hour")
			f.now.Advance(57 * time.Minute) // three minutes are left: time to renew
			f.upload()
			f.fetched(2, "shortly before the expiry")
			f.now.Advance(50 * time.Second) // copies of the old token are still in use
			f.upload()
			f.fetched(2, "with old copies")
			f.now.Advance(3 * time.Hour) // everything has expired
			f.upload()
			f.fetched(3, "long after the expiry")
			if n := f.wechat.Count("media/upload"); n != 5*fleetSize {
				t.Errorf("%d upload calls were made, want %d: none was refused", n, 5*fleetSize)
			}
		})
	}
}

func TestFleetFetchesOneTokenPerRevocation(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.StableToken)
	f.upload()
	for i := range 3 {
		f.wechat.Revoke(wechattest.DefaultAppID)
		f.upload()
		f.fetched(2+i, "after a revocation")
		f.upload()
		f.fetched(2+i, "once more")
		f.now.Advance(31 * time.Second)
	}
}

func TestManyUploadsOfOneProcessFetchOneTokenPerRevocation(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.StableToken)
	f.clients = slices.Repeat(f.clients[:1], 50)
	f.upload()
	for i := range 5 {
		f.wechat.Revoke(wechattest.DefaultAppID)
		f.now.Advance(2 * time.Minute) // the copy is old too: some will look while others already know
		f.upload()
		f.fetched(2+i, "after a revocation")
	}
}

func TestFleetGoesOnWithoutRedis(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.StableToken)
	f.upload()
	f.redis.Kill()
	for range 3 {
		f.now.Advance(39 * time.Minute) // the copies are old, and in the end due for renewal, but valid
		f.upload()
		f.fetched(1, "while Redis is down")
	}
	f.redis.Restart() // it comes back empty
	f.now.Advance(11 * time.Second)
	f.upload()
	f.fetched(2, "when it is back and the token is due")
	f.clients = append(f.clients, f.join(wechat.StableToken))
	f.upload()
	f.fetched(2, "with a new process")
}

func TestWipedRedisGetsTheTokenBack(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.PlainToken)
	f.upload()
	if err := f.redis.Client().FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	f.now.Advance(2 * time.Minute)
	f.upload()
	f.clients = append(f.clients, f.join(wechat.PlainToken))
	f.upload()
	f.fetched(1, "after the flush")
}

// Where a token expires while Redis is down there is no way to share: each process fetches, and uploads go on.
func TestExpiryWithoutRedisIsSurvived(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.StableToken)
	f.upload()
	f.redis.Kill()
	f.now.Advance(3 * time.Hour)
	f.upload()
	f.fetched(1+fleetSize, "each its own")
	f.redis.Restart()
	f.now.Advance(2 * time.Minute)
	f.upload()
	f.fetched(1+fleetSize, "shared again")
}

func TestFrozenRedisHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.StableToken)
	f.clients = f.clients[:2]
	f.upload()
	f.redis.Freeze()
	f.now.Advance(2 * time.Minute)
	before := f.asked.Load()
	f.upload() // each asks once and gives up after two seconds
	f.upload()
	f.redis.Thaw()
	if n := int(f.asked.Load() - before); n != len(f.clients) {
		t.Errorf("%d processes asked a frozen Redis %d times, want once each", len(f.clients), n)
	}
	f.fetched(1, "while Redis was frozen")
}

func TestRedisHoldsNoReadableToken(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.StableToken)
	f.upload()
	token := f.wechat.Token(wechattest.DefaultAppID)
	rdb := f.redis.Client()
	keys, err := rdb.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	want := "test:token:" + strings.TrimPrefix(f.wechat.URL, "http://") + "/" + wechattest.DefaultAppID + "/stable_token"
	if d := cmp.Diff([]string{want}, keys); d != "" {
		t.Fatal(d)
	}
	v, err := rdb.HGetAll(t.Context(), want).Result()
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprint(v); strings.Contains(s, token) || strings.Contains(s, token[:16]) {
		t.Errorf("the token can be read: %s", s)
	}
	if ttl := rdb.TTL(t.Context(), want).Val(); ttl <= 0 {
		t.Errorf("the key never ends: %v", ttl)
	}
}

// stores are run through the same tests: the fleet's and that of one process.
func stores(t *testing.T) map[string]wechat.TokenStore {
	return map[string]wechat.TokenStore{
		"redis":  sharedTokens(redistest.Start(t).Client(), "test:", 7),
		"memory": wechat.NewMemoryTokens(),
	}
}

func TestStoreKeepsTheNewerToken(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := newClock().Now()
			newer := wechat.Token{Value: "newer", Seq: 2, ExpiresAt: at, RenewAt: at, Vouched: true, RenewedAt: at, ForcedAt: at, Forced: 3}
			older := wechat.Token{Value: "older", Seq: 1}
			again := wechat.Token{Value: "again", Seq: 2}
			for _, tok := range []wechat.Token{newer, older, again} {
				if got, err := s.Save(t.Context(), "a", tok); err != nil || got != newer {
					t.Fatalf("saved %+v: got %+v, %v", tok, got, err)
				}
			}
			if got, err := s.Load(t.Context(), "a"); err != nil || got != newer {
				t.Errorf("got %+v, %v, want %+v", got, err, newer)
			}
			if got, err := s.Load(t.Context(), "b"); err != nil || got != (wechat.Token{}) {
				t.Errorf("another account: got %+v, %v", got, err)
			}
		})
	}
}

func TestStoreRefusesOnlyTheTokenThatFailed(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			if _, err := s.Save(ctx, "a", wechat.Token{Value: "x", Seq: 1}); err != nil {
				t.Fatal(err)
			}
			for _, step := range []struct {
				value tasks.Secret
				want  bool
			}{{"y", false}, {"x", true}} {
				if err := s.Refuse(ctx, "a", step.value); err != nil {
					t.Fatal(err)
				}
				if got, err := s.Load(ctx, "a"); err != nil || got.Refused != step.want {
					t.Errorf("%s was refused: got %+v, %v", step.value.Reveal(), got, err)
				}
			}
			if got, err := s.Save(ctx, "a", wechat.Token{Value: "z", Seq: 2}); err != nil || got.Refused {
				t.Errorf("a new token: got %+v, %v", got, err)
			}
		})
	}
}

func TestStoreGivesTheTurnToOne(t *testing.T) {
	t.Parallel()
	for name, s := range stores(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			ahead := time.Now().Add(time.Hour).UnixMicro() // a machine whose clock is wrong stored this
			if _, err := s.Save(ctx, "a", wechat.Token{Value: "x", Seq: ahead}); err != nil {
				t.Fatal(err)
			}
			first, ok, err := s.Lock(ctx, "a")
			if err != nil || !ok || first.Seq <= ahead {
				t.Fatalf("got %+v, %v, %v", first, ok, err)
			}
			if _, ok, err := s.Lock(ctx, "a"); err != nil || ok {
				t.Errorf("somebody else has the turn too: %v, %v", ok, err)
			}
			if other, ok, err := s.Lock(ctx, "b"); err != nil || !ok {
				t.Errorf("another account: %+v, %v, %v", other, ok, err)
			}
			first.Release()
			first.Release()
			if _, ok, err := s.Lock(ctx, "a"); err != nil || !ok {
				t.Errorf("after it was given back: %v, %v", ok, err)
			}
		})
	}
}

// sharedTokens is a store in Redis whose keys are made of one byte, the current one first.
func sharedTokens(rdb redis.UniversalClient, prefix string, keys ...byte) *wechat.RedisTokens {
	return loggedTokens(slog.New(slog.DiscardHandler), rdb, prefix, keys...)
}

func loggedTokens(log *slog.Logger, rdb redis.UniversalClient, prefix string, keys ...byte) *wechat.RedisTokens {
	var all [][]byte
	for _, k := range keys {
		all = append(all, bytes.Repeat([]byte{k}, seal.KeySize))
	}
	ring, err := seal.New(all[0], all[1:]...)
	if err != nil {
		panic(err)
	}
	return wechat.NewRedisTokens(rdb, prefix, ring.For(seal.WeChatTokens), ring.Derived(seal.TokenTags), log)
}

// A record that can't be decrypted counts as absent, and the next token takes its place.
func TestStoreWithAnotherKeyReadsNothing(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	ours, theirs := sharedTokens(rdb, "test:", 1), sharedTokens(rdb, "test:", 2)
	save := func(s *wechat.RedisTokens, account, value string, seq int64) {
		t.Helper()
		if kept, err := s.Save(t.Context(), account, wechat.Token{Value: tasks.Secret(value), Seq: seq, ExpiresAt: time.Now().Add(time.Hour)}); err != nil || kept.Value.Reveal() != value {
			t.Fatal(kept.Value.Reveal(), err)
		}
	}
	reads := func(s *wechat.RedisTokens, account, want string) {
		t.Helper()
		if got, err := s.Load(t.Context(), account); err != nil || got.Value.Reveal() != want {
			t.Errorf("%s: %q, %v, want %q", account, got.Value.Reveal(), err, want)
		}
	}
	save(ours, "a", "x", 1)
	reads(theirs, "a", "")
	save(theirs, "a", "y", 2)
	reads(theirs, "a", "y")
	reads(ours, "a", "")
	save(ours, "a", "z", 1) // older than what can't be read: it serves this process, and is not kept
	reads(theirs, "a", "y")
	// Nobody can give one account the token of another by copying bytes.
	if err := rdb.Copy(t.Context(), "test:token:a", "test:token:b", 0, false).Err(); err != nil {
		t.Fatal(err)
	}
	reads(theirs, "b", "")
	for _, data := range []string{"", "short", strings.Repeat("x", 200)} {
		if err := rdb.HSet(t.Context(), "test:token:a", "data", data).Err(); err != nil {
			t.Fatal(err)
		}
		reads(theirs, "a", "")
	}
}

// During a rotation the old key reads, and a refusal finds the token that it sealed.
func TestStoreDuringARotation(t *testing.T) {
	t.Parallel()
	rdb := redistest.Start(t).Client()
	old, both := sharedTokens(rdb, "test:", 1), sharedTokens(rdb, "test:", 2, 1)
	if _, err := old.Save(t.Context(), "a", wechat.Token{Value: "x", Seq: 1, ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if err := both.Refuse(t.Context(), "a", "x"); err != nil {
		t.Fatal(err)
	}
	if got, err := both.Load(t.Context(), "a"); err != nil || got.Value != "x" || !got.Refused {
		t.Errorf("%+v, %v", got, err)
	}
}

// A fleet whose processes have different keys can't share, but each must go on by itself.
func TestUploadsGoOnWithAnotherKey(t *testing.T) {
	t.Parallel()
	f := newFleet(t, wechat.StableToken)
	f.upload()
	log := &logbook{}
	cfg := config(f.wechat.URL, f.now.Now)
	cfg.Log = log.logger()
	f.clients = []*wechat.Client{newClient(t, cfg, account(), loggedTokens(cfg.Log, f.redis.Client(), "test:", 8))}
	f.upload()
	f.fetched(2, "with a key of its own")
	if n := strings.Count(log.String(), "the access token in Redis can't be read"); n != 1 {
		t.Errorf("the log says so %d times, want once: %s", n, log)
	}
}
